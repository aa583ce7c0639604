// Renders docs/client-matrix.md from the results of all parts.

import { BASELINE } from './baseline.ts'
import { ERROR_CASES } from './errors.ts'
import type { Results } from './matrix.ts'
import { OUTCOMES } from './outcome.ts'
import { SCENARIOS } from './scenario.ts'

const HEAD = `# How clients handle a queue

\`npm run test:clients\` makes this page. It runs real clients against the complete foreman in front of a scripted target, the
stand-in for an Ollama server. Each row is one client in one mode, with its default settings. Each column is a situation that
can occur with a queue. *Waits* means that foreman had begun the answer and had sent at least three heartbeats before anything
else happened.

`

const LEGEND = `
${Object.entries(OUTCOMES)
  .map(([outcome, meaning]) => `- \`${outcome}\`: ${meaning}`)
  .join('\n')}
- \`×3\`: the client sent the request three times
- \`–\`: cannot happen with this client

`

const NOTES = `## Why some messages are lost

- If an unstreamed call fails after a heartbeat, foreman can only close the connection, because most clients take an error in a
  200 for an answer. To get the message, use \`GET /jobs/{id}\` with the answer's \`X-Foreman-Job-Id\`, or ask for a stream.
- \`ollama-ai-provider-v2\` drops error records of a stream; it notices only the closed connection. For an HTTP error it shows only
  the reason phrase of the status.
- Clients of \`/v1\` report an event that was cut in the middle as invalid JSON.
- The Go client (\`github.com/ollama/ollama/api\`) uses the text of the unfinished record as its error text. After heartbeats, this
  text consists of spaces. \`ctx.Err()\` shows whether the program's own deadline ended the call.
- The AI SDK retries an unstreamed call whose answer was cut off, but does not mark the retry as one. So each retry is a new job.
- No failure looks like success, except one that Ollama causes itself. Ollama cuts off a model that repeats itself. Unstreamed
  \`/v1\` then answers 200 with a valid document without an error (\`finish_reason\` is null), which foreman passes on unchanged.

## Long waits

In each run all clients wait 40 s at the same time in a paused queue with the default heartbeat, and get the right answer. With
\`FOREMAN_LONG_WAIT=1\` they also wait 400 s. This is longer than the 300 s after which all clients that use Node's \`fetch\` give up.
The last such run was on 2026-11-21; 14 of 14 JavaScript clients and 14 of 14 Python clients passed. The Python clients have
other timeouts: LlamaIndex 30 s, \`openai\` and \`anthropic\` 600 s, LiteLLM 6000 s, \`ollama\` and LangChain none.

If \`openai\` or \`anthropic\`, in either language, gives up twice and retries, it still has one job. It marks each retry with
\`x-stainless-retry-count\`.

## Which clients can abort

If a program aborts its call with \`openai\`, \`anthropic\`, \`ollama-ai-provider-v2\`, \`@ai-sdk/openai-compatible\` or the Go client,
its job ends immediately: in the queue, while the model loads, and in the middle of a stream. \`ollama-js\` can abort only a stream
that has begun; a heartbeat counts as its beginning. \`langchain-js\` aborts with the next piece of text. \`ai-sdk-ollama\` never
closes the connection: use \`POST /jobs/{id}/cancel\`.

`

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`

/** Order of the clients in the baseline, followed by those that it does not contain. */
function order(ways: readonly string[]): readonly string[] {
  const known = [...BASELINE.keys()].map((key) => key.slice(0, key.indexOf(': ')))
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

const ERRORS_HEAD = `## Error classes

An error before the answer begins has its own HTTP status. The table shows the class of the client's error.

- All clients show foreman's message, except \`ollama-ai-provider-v2\`, which shows the reason phrase of the status.
  \`@ai-sdk/openai-compatible\` shows the reason phrase for errors of paths and headers outside its API.
- All clients show the status, except \`ai-sdk-ollama\`, and the command line, which has exit codes.
- The Go client's \`api.AuthorizationError\` (401) has the status but not the message.
- A wrong method (405, with \`Allow\`) needs a client whose user can choose the method, as in \`openai\` and \`anthropic\` in both
  languages, or a base URL below which no path accepts a POST (AI SDK). \`ollama-js\`, \`ai-sdk-ollama\`, \`langchain-js\`, \`ollama-py\`
  and clients built on it cannot send one; \`fetch\` and \`requests\` can.
- Only clients with a function for it can manage models, and only clients that embed can reach the limit of embeddings.
- \`too many embeddings\` and \`a full queue\` have the same message, which is Ollama's.
- A model that stops sending (504) is detected only in a stream: without one, a long silence can be a long answer.
- \`–\`: cannot happen with this client, or was not tested.

`

/** `classes`: by the name of an error case, then by client mode. */
export function rendered(results: Results, classes: Results): string {
  const scenarios = [...new Set(SCENARIOS.map(({ name }) => name))]
  const table = [
    row(['client', ...scenarios]),
    row(['---', ...scenarios.map(() => '---')]),
    ...order(Object.keys(results)).map((way) => row([way, ...scenarios.map((name) => results[way]?.[name] ?? '–')])),
  ]
  return HEAD + table.join('') + LEGEND + NOTES + ERRORS_HEAD + classTable(classes)
}
