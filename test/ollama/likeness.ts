// List of allowed differences between two answers of Ollama to the same request: times, durations, random ids, and headers
// that HTTP lets each hop choose. Each addition needs a reason.

import type { Answer } from './exchange.ts'

interface Exception {
  readonly what: string
  readonly find: RegExp
  readonly put: (match: string, ...groups: string[]) => string
}

/** Differences in bodies, applied to the raw bytes. All other bytes must be equal. */
export const BODY_MAY_DIFFER: readonly Exception[] = [
  { what: 'when', find: /"(created_at|expires_at)":"[^"]*"/g, put: (_, key) => `"${key}":"<time>"` },
  { what: 'when, in seconds', find: /"(created|created_at|completed_at)":\d+/g, put: (_, key) => `"${key}":<seconds>` },
  {
    what: 'how long it took',
    find: /"(total_duration|load_duration|prompt_eval_duration|eval_duration)":\d+/g,
    put: (_, key) => `"${key}":<nanoseconds>`,
  },
  {
    what: 'how much of the prompt was in the cache (since 0.34): the second to ask finds more there than the first',
    find: /"(prompt_eval_cached_count|cached_tokens)":\d+/g,
    put: (_, key) => `"${key}":<tokens>`,
  },
  {
    what: "the same in Anthropic's words, where both together are the prompt",
    find: /"input_tokens":(\d+),"cache_read_input_tokens":(\d+)/g,
    put: (_, uncached, cached) => `"input_tokens and cached":${Number(uncached) + Number(cached)}`,
  },
  {
    what: 'ids that Ollama draws at random',
    find: /"((?:chatcmpl|cmpl)-|(?:resp|msg|fc|rs|call|toolu|req)_)[0-9a-zA-Z_]+"/g,
    put: (_, prefix) => `"${prefix}<id>"`,
  },
  {
    what: "what is wrong with a request: Ollama passes on a text of Go's libraries, foreman says it in its own words",
    find: /"(error|message)":"(?:EOF|missing request body|(?:(?:failed to parse multipart form|invalid Responses request|invalid stream value): )?(?:unexpected E|unexpected end of|invalid character |json: |time: |Unsupported type|invalid JSON: |invalid input: |the body (?:must be |is not zstd)|\\"\w+\\" must be )(?:[^"\\]|\\.)*)"/g,
    put: (_, key) => `"${key}":"<what is wrong>"`,
  },
  {
    what: "the order of a model's parameters, which Ollama takes from a Go map",
    find: /(?<="parameters":")[^"]*(?=")|(?:PARAMETER \w+ +\w+\\n)+/g,
    put: (lines) => lines.split('\\n').sort().join('\\n'),
  },
]

/** Headers that each server chooses itself. */
export const HEADERS_MAY_DIFFER: readonly {
  readonly what: string
  readonly name: RegExp
  readonly ofErrors?: true
}[] = [
  { what: 'when', name: /^date$/ },
  { what: 'the framing of this hop (RFC 9112 §6)', name: /^(content-length|transfer-encoding|connection|keep-alive)$/ },
  { what: 'how old an answer from the last probe is (spec §3.1)', name: /^age$/ },
  // On /v1/messages and /v1/responses Ollama marks an answer as a stream before it checks whether the model exists.
  { what: 'what a cache may do with an error', name: /^cache-control$/, ofErrors: true },
  { what: "foreman's own", name: /^x-foreman-/ },
  { what: 'for proxies: what is streamed must not be buffered', name: /^x-accel-buffering$/ },
  { what: 'for browsers: errors and inventories must not be sniffed', name: /^x-content-type-options$/ },
]

export interface Likeness {
  readonly status: number
  readonly reason: string
  readonly headers: readonly string[]
  /** One character for each byte. */
  readonly body: string
  readonly complete: boolean
}

/** The parts of an answer that must be equal on both servers. */
export function likeness(answer: Answer): Likeness {
  const mayDiffer = (header: string) =>
    HEADERS_MAY_DIFFER.some(({ name, ofErrors }) => name.test(header) && (ofErrors !== true || answer.status >= 400))
  const headers = answer.headers
    .filter(([name]) => !mayDiffer(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
  let body = answer.body.toString('latin1')
  for (const { find, put } of BODY_MAY_DIFFER) body = body.replace(find, put)
  return { status: answer.status, reason: answer.reason, headers, body, complete: answer.complete }
}
