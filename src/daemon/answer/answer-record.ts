// Owns what one record of an answer says: that the answer is whole, that it failed, or what it cost; for each dialect.
// Pure. Every record is parsed: searching one for the few words that could matter costs as much (1.4 µs against 1.3).

import type { Verdict } from '../domain/attempt.ts'
import type { Dialect } from '../domain/endpoint.ts'
import type { Measured } from '../domain/job.ts'
import { cutTargetText } from '../domain/target-text.ts'
import { isJsonDocument, rawMembersNamed, rawText } from './raw-json.ts'

/** Reads along with one answer. */
export interface CompletionDetector {
  push(chunk: Buffer): void
  /** A record has decided the verdict; nothing that follows can change it. Always false where only the end decides. */
  readonly isDecided: boolean
  /** What the bytes until now amount to. `cut`: they did not end as their framing said they would. */
  verdict(cut?: boolean): Verdict
  /** What the answer told of its cost; known from its last record on. */
  measured(): Measured
}

export const COMPLETE: Verdict = { kind: 'complete' }
export const INCOMPLETE: Verdict = { kind: 'incomplete' }
export const bad = (detail: string): Verdict => ({ kind: 'bad', detail })

/** Filled as records go by. */
export type MutableMeasured = { -readonly [name in keyof Measured]: Measured[name] }

export const emptyNotes = (): MutableMeasured => ({
  loadMs: null,
  evalMs: null,
  promptTokens: null,
  completionTokens: null,
  cachedTokens: null,
  doneReason: null,
})

type JsonFields = Readonly<Record<string, unknown>>

const isDocument = (value: unknown): value is JsonFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const within = (value: unknown, name: string): unknown => (isDocument(value) ? value[name] : undefined)

/** The names that decide a verdict, or are noted. */
const READ_NAMES = [
  ...['error', 'type', 'status', 'done', 'done_reason', '_debug_info', 'load_duration', 'eval_duration', 'eval_count'],
  ...['prompt_eval_count', 'prompt_eval_cached_count', 'usage', 'stop_reason', 'incomplete_details', 'message'],
] as const
/** What is larger than this says nothing that is read here: only its kind is kept. */
const MAX_OUTLINED_BYTES = 64 * 1024

/** What is read of a document that is too large to be parsed: 64 MiB of `{},` would be 1.4 GB. */
function outlineOf(bytes: Buffer): JsonFields | undefined {
  if (!isJsonDocument(bytes)) return undefined
  const outline: Record<string, unknown> = {}
  for (const [name, value] of rawMembersNamed(bytes, READ_NAMES))
    outline[name] = value.length <= MAX_OUTLINED_BYTES ? JSON.parse(value.toString()) : large(value)
  return outline
}

function large(value: Buffer): unknown {
  if (value[0] === BRACE) return {}
  return value[0] === QUOTE ? (rawText(value)?.toString('utf8', 0, MAX_OUTLINED_BYTES) ?? '') : []
}

/** The object in these bytes, or an outline of it if it is larger than a record may be; undefined for anything else. */
export function parseDocument(bytes: Buffer): JsonFields | undefined {
  if (bytes.length > MAX_RECORD) return bytes[0] === BRACE ? outlineOf(bytes) : undefined
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isDocument(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A whole number that SQLite can hold, from whatever the target reports; otherwise null. */
const count = (value: unknown): number | null =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.round(Math.abs(value)) : null

/** A text of the target, cut to 2 KiB; null for anything else, and for an empty one. */
const word = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? cutTargetText(value) : null

const NS_PER_MS = 1_000_000

/** The sentence of a top-level `error` (Ollama: a string; /v1: an object with a message); null where there is none. */
function errorOf(document: JsonFields): string | null {
  const { error } = document as { error?: unknown }
  if (error === undefined || error === null) return null
  if (typeof error === 'string') return cutTargetText(error)
  return word(within(error, 'message')) ?? 'the target reported an error without a message'
}

/** Of a duration that Ollama gives in nanoseconds. */
function milliseconds(value: unknown): number | null {
  const nanoseconds = count(value)
  return nanoseconds === null ? null : Math.round(nanoseconds / NS_PER_MS)
}

const failed = (message: string): Verdict => ({ kind: 'error', message })

/** What one document says: a verdict, or null for "there is more to come". */
export type RecordReader = (document: JsonFields, notes: MutableMeasured, event: string) => Verdict | null

/** `done: true`, or a reason without `done` (MLX servers; ollama-vscode #61). */
function readNative(document: JsonFields, notes: MutableMeasured): Verdict | null {
  const error = errorOf(document)
  if (error !== null) return failed(error)
  const { done, done_reason: reason, load_duration: load, _debug_info: rendered } = document
  // Asked with `_debug_render_only`, Ollama shows the prompt, runs nothing, and says `done: false` of it.
  if (isDocument(rendered)) return COMPLETE
  if (done !== true && (done !== undefined || word(reason) === null)) return null
  notes.loadMs = milliseconds(load)
  notes.evalMs = milliseconds(document['eval_duration'])
  notes.promptTokens = count(document['prompt_eval_count'])
  notes.completionTokens = count(document['eval_count'])
  notes.cachedTokens = count(document['prompt_eval_cached_count'])
  notes.doneReason = word(reason)
  return COMPLETE
}

/** The ends that OpenAI gives streams of sound and of pictures. */
const OPENAI_ENDS = ['transcript.text.done', 'image_generation.completed', 'image_edit.completed']

function noteUsage(
  usage: unknown,
  notes: MutableMeasured,
  prompt: 'prompt_tokens' | 'input_tokens',
  completion: string,
): void {
  notes.promptTokens = count(within(usage, prompt)) ?? notes.promptTokens
  notes.completionTokens = count(within(usage, completion)) ?? notes.completionTokens
  notes.cachedTokens = count(within(within(usage, `${prompt}_details`), 'cached_tokens')) ?? notes.cachedTokens
}

/** Anthropic's `input_tokens` are those of the prompt that were neither read from a cache nor written to one. */
function noteAnthropicUsage(usage: unknown, notes: MutableMeasured): void {
  notes.completionTokens = count(within(usage, 'output_tokens')) ?? notes.completionTokens
  const uncached = count(within(usage, 'input_tokens'))
  if (uncached === null) return
  const read = count(within(usage, 'cache_read_input_tokens'))
  notes.cachedTokens = read ?? notes.cachedTokens
  notes.promptTokens = count(uncached + (read ?? 0) + (count(within(usage, 'cache_creation_input_tokens')) ?? 0))
}

function readOpenai(document: JsonFields, notes: MutableMeasured, event: string): Verdict | null {
  const error = errorOf(document)
  if (error !== null) return failed(error)
  if (event === 'error') return failed(word(document['message']) ?? 'the target reported an error')
  noteUsage(document['usage'], notes, 'prompt_tokens', 'completion_tokens')
  const { choices } = document
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined
  notes.doneReason = word(within(first, 'finish_reason')) ?? notes.doneReason
  return OPENAI_ENDS.includes(String(document['type'])) ? COMPLETE : null
}

function readAnthropic(document: JsonFields, notes: MutableMeasured, event: string): Verdict | null {
  const type = word(document['type']) ?? event
  const error = errorOf(document)
  if (error !== null) return failed(error)
  if (type === 'error') return failed('the target reported an error')
  const opening = within(document['message'], 'usage')
  noteAnthropicUsage(opening ?? document['usage'], notes)
  const reason = word(within(document['delta'], 'stop_reason')) ?? word(document['stop_reason'])
  notes.doneReason = reason ?? notes.doneReason
  return type === 'message_stop' ? COMPLETE : null
}

function readResponses(document: JsonFields, notes: MutableMeasured, event: string): Verdict | null {
  const type = word(document['type']) ?? event
  const error = errorOf(document)
  if (error !== null) return failed(error)
  if (type === 'error') return failed(word(document['message']) ?? 'the target reported an error')
  // Unstreamed, the document is the response itself.
  const response = isDocument(document['response']) ? document['response'] : document
  noteUsage(response['usage'], notes, 'input_tokens', 'output_tokens')
  notes.doneReason = word(within(response['incomplete_details'], 'reason')) ?? notes.doneReason
  if (type === 'response.failed' || response['status'] === 'failed') {
    return failed(errorOf(response) ?? 'the target reported that the response failed')
  }
  return type === 'response.completed' || type === 'response.incomplete' ? COMPLETE : null
}

export const READINGS: Readonly<Record<Dialect, RecordReader>> = {
  native: readNative,
  openai: readOpenai,
  anthropic: readAnthropic,
  responses: readResponses,
}

/** Ollama's own client takes no longer line. */
export const MAX_RECORD = 8 * 1024 ** 2

export const tooLong = (): Verdict => bad('a record that is too long')

const SPACE = 0x20
const QUOTE = 0x22
export const BRACE = 0x7b

const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** Without a byte order mark in front, which may begin a stream of events (HTML, "server-sent events"). */
export function withoutMark(line: Buffer): Buffer {
  const hasMark = line.length >= 3 && line.compare(BYTE_ORDER_MARK, 0, 3, 0, 3) === 0
  return hasMark ? line.subarray(BYTE_ORDER_MARK.length) : line
}

/** Without a byte order mark, and without white space in front (beats are single spaces) and behind. */
export function trimmed(bytes: Buffer): Buffer {
  const record = withoutMark(bytes)
  let from = 0
  let to = record.length
  while (from < to && (record[from] ?? 0) <= SPACE) from++
  while (to > from && (record[to - 1] ?? 0) <= SPACE) to--
  return from === 0 && to === record.length ? record : record.subarray(from, to)
}
