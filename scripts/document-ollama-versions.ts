// Generator of docs/ollama-versions.md: test results by version of Ollama, the differences that foreman follows, and
// advice.

import { CHANGES } from '../src/daemon/domain/ollama-version.ts'
import { readResults } from './ollama-results.ts'

const HEAD = `# Versions of Ollama

foreman asks the target for its version at each probe, and follows the API and the load rules of that version. Each change is
tested with two versions: the newest, which is the reference, and the oldest supported one. The suite sends each request to Ollama
and through foreman and compares the answers byte for byte. Only times, random ids, the count of cached tokens and the reason why a body is invalid may
differ.

`

const ADVICE = `
## Notes on newer versions

- **Memory.** Since 0.30 the runner is \`llama-server\`. It keeps evaluated prompts in up to 8 GiB of main memory for each loaded
  model, and restores a known prefix in milliseconds. \`LLAMA_ARG_CACHE_RAM\` (MiB) in Ollama's environment limits it. The cache
  is lost when the model is unloaded or its runner is restarted, which is another reason to drain by model.
- **Options.** Since 0.30 a change of \`shift\` (beside the options) or \`draft_num_predict\` restarts the runner, as a change of
  \`num_ctx\` always did. Callers with the same values share a runner. \`num_ctx\` is capped at the model's training length.
- **Embedder.** Since 0.30 \`FOREMAN_EMBED_MODEL\` must be an embedding model. A chat model answers 501; foreman logs this at
  its start.
- **Pictures.** \`/v1/images/*\` was removed in 0.32.6, and is a 404 through foreman as well.
- **Repetition.** Since 0.33 a model that repeats one token for too long ends with the error
  \`prediction aborted, token repeat limit reached\`. Earlier versions ended the answer without an error, which foreman reports as
  \`incomplete_stream\`.
- **Codex.** \`POST /v1/responses/compact\` and compactions inside \`/v1/responses\` wait in the queue. Ollama's own
  \`/api/codex/*\` (0.34) is a proxy from the server to itself, so its requests bypass foreman. Let Codex use foreman's
  \`/v1/responses\` instead.
- **Tokens.** Since 0.34 Ollama reports how many tokens of a prompt were cached. The number is in \`usage.cached_prompt_tokens\` of a job and in
  \`foreman_cached_prompt_tokens_total\`. Only 0.30.0 counts just the uncached tokens as the prompt.

## How loads are predicted

Jobs that can share a runner form a group: they have the same model files and the same options for the start of the runner. foreman
asks \`/api/show\` for the options that the model itself sets, once for each digest. In some cases Ollama decides by what is loaded
or by free memory (a missing \`num_gpu\` or \`use_mmap\`, \`num_batch\` since 0.30). There foreman may separate jobs that could have
shared a runner. This can change the order of jobs, but never costs a load. A test compares 200 random pairs of requests with the log
of each version.
`

/** Newest first. */
const byVersion = (a: string, b: string): number => b.localeCompare(a, 'en', { numeric: true })

const WORDS: Readonly<Record<keyof typeof CHANGES, string>> = {
  modelSources: 'names may end in `:local` or `:cloud`; invalid ones get the error `invalid model name`',
  typedErrors: 'errors on `/v1` have the type of their status',
  compressedSurface: 'bodies on all of `/v1` may be zstd, up to 20 MiB',
  cloudModelDetails: '`/v1/models/x:cloud` is asked of ollama.com',
  llamaServer: '`shift` and `draft_num_predict` restart the runner; `num_ctx` is capped',
  taggedDetails: 'the error for an unknown `/v1/models/nope` names `nope:latest`',
  compaction: '`/v1/responses` can contain compactions; `/v1/responses/compact`',
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
  return `${HEAD}| version | tests passed | requests answered identically | last run |
|---|---|---|---|
${rows.join('')}
## What foreman follows

| since | change |
|---|---|
${table.join('')}${ADVICE}`
}
