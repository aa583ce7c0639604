// Owns docs/client-matrix.md: how the results of all parts are shown to readers. Pure; it renders what it is given.

import { BAR } from './bar.ts'
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
- The AI SDK asks again when an unstreamed answer was cut, without a word that says it is a retry: each is a new job.
- No failure looks like success. A document of \`/v1\` that Ollama itself ends too early, and that is valid JSON, cannot be
  told from a whole one.
`

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`

/** The order in which the clients stand in the bar, then those that it does not know. */
function order(ways: readonly string[]): readonly string[] {
  const known = [...BAR.keys()].map((key) => key.slice(0, key.indexOf(': ')))
  const rank = (way: string): number => (known.includes(way) ? known.indexOf(way) : known.length)
  return [...ways].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

export function rendered(results: Results): string {
  const scenarios = [...new Set(SCENARIOS.map(({ name }) => name))]
  const table = [
    row(['client', ...scenarios]),
    row(['---', ...scenarios.map(() => '---')]),
    ...order(Object.keys(results)).map((way) => row([way, ...scenarios.map((name) => results[way]?.[name] ?? '–')])),
  ]
  return HEAD + table.join('') + LEGEND + NOTES
}
