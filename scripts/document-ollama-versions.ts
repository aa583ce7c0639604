// Renders docs/ollama-versions.md: what was tried with which version of Ollama, what foreman follows, and advice.

import { CHANGES } from '../src/daemon/domain/ollama-version.ts'
import { readResults } from './ollama-results.ts'

const HEAD = `# Versions of Ollama

foreman asks the target for its version at each probe, and speaks and queues as that version does. Two are tried with each
change: the newest, which is the reference, and the oldest supported one. The suite sends each request to Ollama and through
foreman and compares the answers byte for byte; only times, random ids and the count of cached tokens may differ.

`

const ADVICE = `
## What to know of newer ones

- **Memory.** Since 0.30 the runner is \`llama-server\`. It keeps evaluated prompts in up to 8 GiB of main memory for each loaded
  model, and puts a known prefix back in milliseconds. \`LLAMA_ARG_CACHE_RAM\` (MiB) in Ollama's environment bounds it. The
  cache is lost when the model is unloaded or its runner is started again: one more reason to drain by model.
- **Options.** Since 0.30 \`shift\` (beside the options) and \`draft_num_predict\` start the runner again, as \`num_ctx\` always
  did. Callers that agree on them share a runner. \`num_ctx\` above what the model was trained for is capped.
- **Embedder.** Since 0.30 \`FOREMAN_EMBED_MODEL\` must be an embedding model. A chat model answers 501; foreman says so in its
  log at the start.
- **Pictures.** \`/v1/images/*\` is gone since 0.32.6, and 404 through foreman as well.
- **Repetition.** Since 0.33 a model that says one token for too long ends with the error
  \`prediction aborted, token repeat limit reached\`. Before, Ollama ended the answer without a word, which foreman calls
  \`incomplete_stream\`.
- **Codex.** \`POST /v1/responses/compact\` and compactions inside \`/v1/responses\` wait in the queue. Ollama's own
  \`/api/codex/*\` (0.34) is a proxy of the server to itself: what uses it goes past foreman, so let Codex use
  \`/v1/responses\` of foreman.
- **Tokens.** Since 0.34 Ollama tells how much of a prompt was cached. It is in \`usage.cached_prompt_tokens\` of a job and in
  \`foreman_cached_prompt_tokens_total\`. Only 0.30.0 counts the uncached part alone as the prompt.

## How loads are predicted

Jobs are grouped by what makes a runner: the files of the model and the options that it is started with. What the model
brings itself is asked of \`/api/show\`, once for each digest. Where Ollama decides by what is loaded or by free memory
(\`num_gpu\` and \`use_mmap\` that are left out, \`num_batch\` since 0.30), foreman parts jobs that could have shared a runner:
that costs an order, never a load. 200 random pairs of requests are compared with the log of each version.
`

/** Newest first. */
const byVersion = (a: string, b: string): number => b.localeCompare(a, 'en', { numeric: true })

const WORDS: Readonly<Record<keyof typeof CHANGES, string>> = {
  modelSources: 'names may end in `:local` or `:cloud`; unusable ones are `invalid model name`',
  typedErrors: 'errors on `/v1` have the type of their status',
  compressedSurface: 'bodies on all of `/v1` may be zstd, up to 20 MiB',
  cloudModelDetails: '`/v1/models/x:cloud` is asked of ollama.com',
  llamaServer: '`shift` and `draft_num_predict` start the runner again; `num_ctx` is capped',
  taggedDetails: '`/v1/models/nope` is not found as `nope:latest`',
  compaction: '`/v1/responses` is read by a layer that looks for compactions; `/v1/responses/compact`',
  wrappedRequests: "texts of Go's errors on `/api/chat` and `/api/generate`",
}

export function renderOllamaVersionsPage(): string {
  const results = Object.entries(readResults()).sort(([a], [b]) => byVersion(a, b))
  const rows = results.map(
    ([version, { tests, passed, requests, equal, at }]) =>
      `| ${version} | ${passed} of ${tests} | ${equal} of ${requests} | ${at} |\n`,
  )
  const changes = Object.entries(CHANGES).sort(([, a], [, b]) => -byVersion(a, b))
  const table = changes.map(([change, since]) => `| ${since} | ${WORDS[change as keyof typeof CHANGES]} |\n`)
  return `${HEAD}| version | tests passed | requests answered alike | last run |
|---|---|---|---|
${rows.join('')}
## What foreman follows

| since | what |
|---|---|
${table.join('')}${ADVICE}`
}
