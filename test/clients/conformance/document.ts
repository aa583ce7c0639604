// Owns docs/client-matrix.md: how the results of all parts are shown to readers. Pure; it renders what it is given.

import { BAR } from './bar.ts'
import { ERROR_CASES } from './errors.ts'
import type { Results } from './matrix.ts'
import { OUTCOMES } from './outcome.ts'
import { SCENARIOS } from './scenario.ts'

const HEAD = `# What clients make of a queue

Made by \`npm run test:clients\`: real clients in front of foreman, the whole program, in front of a scripted target. Each row
is a client in one of its modes with its own defaults; each column is something that a queue does to it. *Waits* means that
the answer was begun and kept alive with at least three heartbeats before anything else happened.

`

const LEGEND = `
${Object.entries(OUTCOMES)
  .map(([outcome, meaning]) => `- \`${outcome}\`: ${meaning}`)
  .join('\n')}
- \`×3\`: the client sent the request three times. \`–\`: cannot happen to it.

`

const NOTES = `## Why some sentences are lost

- An unstreamed answer that was kept alive can only be cut: most clients take an error in a 200 for an answer. Whoever wants
  the sentence asks \`GET /jobs/{id}\` with the \`X-Foreman-Job-Id\` of the answer, or asks for a stream.
- \`ollama-ai-provider-v2\` drops error lines of a stream; only the cut tells it. Of an HTTP error it shows the words behind
  the status.
- An event that was cut in half reaches the clients of \`/v1\` as an event that is no JSON, and they report that.
- The Go client (\`github.com/ollama/ollama/api\`) makes the error's text of the unfinished record. After heartbeats, that
  text is all spaces. A program asks \`ctx.Err()\` whether its own deadline ended the call.
- The AI SDK asks again when an unstreamed answer was cut, without a word that says it is a retry: each is a new job.
- No failure looks like success, but for one that Ollama makes itself: a model that repeats itself is cut off, and unstreamed
  \`/v1\` answers 200 with a document that is valid and has no error (\`finish_reason\` is null). It is passed on as it is.

## Long waits

In each run all clients wait 40 s at once in a paused queue with the default heartbeat, and get the right text. With
\`FOREMAN_LONG_WAIT=1\` they wait 400 s as well, longer than the 300 s after which everything built on Node's \`fetch\` gives
up: last done on 2026-11-21, by the JavaScript clients, 14 of 14, and by the Python clients, 14 of 14. Of those only LlamaIndex
has so little patience (30 s); \`openai\` and \`anthropic\` have 600 s, LiteLLM 6000 s, \`ollama\` and LangChain no limit.

\`openai\` and \`anthropic\` of both languages that give up twice, ask again and say so (\`x-stainless-retry-count\`) have one job.

## Who can leave

A program that aborts ends its job at once, in the queue, while the model loads and in the middle of a stream, with
\`openai\`, \`anthropic\`, \`ollama-ai-provider-v2\`, \`@ai-sdk/openai-compatible\` and the Go client. \`ollama-js\` can leave a stream that has
begun (by a heartbeat, too), and nothing else. \`langchain-js\` leaves with the next piece of text. \`ai-sdk-ollama\` never closes
the line: \`POST /jobs/{id}/cancel\` does.

`

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`

/** The order in which the clients stand in the bar, then those that it does not know. */
function order(ways: readonly string[]): readonly string[] {
  const known = [...BAR.keys()].map((key) => key.slice(0, key.indexOf(': ')))
  const rank = (way: string): number => (known.includes(way) ? known.indexOf(way) : known.length)
  return [...ways].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** Modes are one word, names of clients may be more. */
const clientOf = (way: string): string => way.slice(0, way.lastIndexOf(' '))

/** The classes in all its modes, once if they are the same. */
function classesOf(cells: Readonly<Record<string, string>>, client: string): string {
  const all = Object.keys(cells).flatMap((way) => (clientOf(way) === client ? [cells[way]] : []))
  return [...new Set(all)].map((name) => `\`${name}\``).join(', ') || '–'
}

function classTable(classes: Results): string {
  const clients = [...new Set(ERROR_CASES.flatMap(({ name }) => Object.keys(classes[name] ?? {}).map(clientOf)))]
  const rows = ERROR_CASES.map(({ name, status }) => {
    const cells = classes[name] ?? {}
    return row([name, String(status), ...clients.map((client) => classesOf(cells, client))])
  })
  return row(['error', 'status', ...clients]) + row(['---', '---', ...clients.map(() => '---')]) + rows.join('')
}

const ERRORS_HEAD = `## What an error is called

An error before the answer has begun has its own status. All of these clients show its sentence, but for \`ollama-ai-provider-v2\`, which shows
the words behind the status (as \`@ai-sdk/openai-compatible\` does of errors of a path or headers that belong to nobody); all
give the status, but for \`ai-sdk-ollama\`, and the command line, which has exit codes. The Go client's
\`api.AuthorizationError\` (401) has the status but not the sentence. \`–\`: cannot happen to it, or was not tried.

A wrong method (405, with \`Allow\`) needs a client that lets its user choose one, as \`openai\` and \`anthropic\` do in both
languages, or an address below which no path takes a POST (the AI SDK's). \`ollama-js\`, \`ai-sdk-ollama\`, \`langchain-js\` and
\`ollama-py\` with all that is built on it cannot get there; \`fetch\` and \`requests\` can. Only clients with a word for it manage
models, and only those that embed meet the bound on embeddings. \`too many embeddings\` and \`a full queue\` have the same sentence,
Ollama's. A model falls silent (504) only in a stream: nobody can tell how long an unstreamed answer is thought about.

`

/** `classes`: by the name of an error case, then by way. */
export function rendered(results: Results, classes: Results): string {
  const scenarios = [...new Set(SCENARIOS.map(({ name }) => name))]
  const table = [
    row(['client', ...scenarios]),
    row(['---', ...scenarios.map(() => '---')]),
    ...order(Object.keys(results)).map((way) => row([way, ...scenarios.map((name) => results[way]?.[name] ?? '–')])),
  ]
  return HEAD + table.join('') + LEGEND + NOTES + ERRORS_HEAD + classTable(classes)
}
