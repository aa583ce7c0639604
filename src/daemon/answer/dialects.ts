// Meaning of one record in each dialect: the answer is complete, it failed, or what it cost. Pure. Every record is parsed:
// searching it for the few names that matter costs as much (1.4 µs against 1.3).

import { isJsonObject, type JsonDocument } from '../../protocol/json.ts'
import type { Verdict } from '../domain/attempt.ts'
import type { Dialect } from '../domain/endpoint.ts'
import type { Measured } from '../domain/job.ts'
import { cutTargetText } from '../domain/target-text.ts'

export const COMPLETE: Verdict = { kind: 'complete' }
export const INCOMPLETE: Verdict = { kind: 'incomplete' }
export const bad = (detail: string): Verdict => ({ kind: 'bad', detail })

/** Measured values, filled as records go by. */
export type MutableMeasured = { -readonly [name in keyof Measured]: Measured[name] }

export const emptyNotes = (): MutableMeasured => ({
  loadMs: null,
  evalMs: null,
  promptTokens: null,
  completionTokens: null,
  cachedTokens: null,
  doneReason: null,
})

const within = (value: unknown, name: string): unknown => (isJsonObject(value) ? value[name] : undefined)

/** Returns a whole number that SQLite can hold, or null. */
const count = (value: unknown): number | null =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.round(Math.abs(value)) : null

/** Returns a text of the target, cut to 2 KiB, or null if it is empty or not a text. */
const text = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? cutTargetText(value) : null

const NS_PER_MS = 1_000_000

/** Returns the message of a top-level `error` (Ollama: a string; /v1: an object with a message), or null without one. */
function errorOf(document: JsonDocument): string | null {
  const { error } = document as { error?: unknown }
  if (error === undefined || error === null) return null
  if (typeof error === 'string') return cutTargetText(error)
  return text(within(error, 'message')) ?? 'the target reported an error without a message'
}

/** Converts a duration that Ollama gives in nanoseconds. */
function milliseconds(value: unknown): number | null {
  const nanoseconds = count(value)
  return nanoseconds === null ? null : Math.round(nanoseconds / NS_PER_MS)
}

const failed = (message: string): Verdict => ({ kind: 'error', message })

/** Returns the verdict of one document, or null if there is more to come. */
export type RecordReader = (document: JsonDocument, notes: MutableMeasured, event: string) => Verdict | null

/** The end is `done: true`, or a `done_reason` without `done` (MLX servers; ollama-vscode #61). */
function readNative(document: JsonDocument, notes: MutableMeasured): Verdict | null {
  const error = errorOf(document)
  if (error !== null) return failed(error)
  const { done, done_reason: reason, load_duration: load, _debug_info: rendered } = document
  // Asked with `_debug_render_only`, Ollama runs nothing and answers with the prompt and `done: false`.
  if (isJsonObject(rendered)) return COMPLETE
  if (done !== true && (done !== undefined || text(reason) === null)) return null
  notes.loadMs = milliseconds(load)
  notes.evalMs = milliseconds(document['eval_duration'])
  notes.promptTokens = count(document['prompt_eval_count'])
  notes.completionTokens = count(document['eval_count'])
  notes.cachedTokens = count(document['prompt_eval_cached_count'])
  notes.doneReason = text(reason)
  return COMPLETE
}

/** Types of the last events in OpenAI's streams of transcriptions and images. */
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

/** Anthropic's `input_tokens` leave out the tokens that were read from a cache or written to one. */
function noteAnthropicUsage(usage: unknown, notes: MutableMeasured): void {
  notes.completionTokens = count(within(usage, 'output_tokens')) ?? notes.completionTokens
  const uncached = count(within(usage, 'input_tokens'))
  if (uncached === null) return
  const read = count(within(usage, 'cache_read_input_tokens'))
  notes.cachedTokens = read ?? notes.cachedTokens
  notes.promptTokens = count(uncached + (read ?? 0) + (count(within(usage, 'cache_creation_input_tokens')) ?? 0))
}

function readOpenai(document: JsonDocument, notes: MutableMeasured, event: string): Verdict | null {
  const error = errorOf(document)
  if (error !== null) return failed(error)
  if (event === 'error') return failed(text(document['message']) ?? 'the target reported an error')
  noteUsage(document['usage'], notes, 'prompt_tokens', 'completion_tokens')
  const { choices } = document
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined
  notes.doneReason = text(within(first, 'finish_reason')) ?? notes.doneReason
  return OPENAI_ENDS.includes(String(document['type'])) ? COMPLETE : null
}

function readAnthropic(document: JsonDocument, notes: MutableMeasured, event: string): Verdict | null {
  const type = text(document['type']) ?? event
  const error = errorOf(document)
  if (error !== null) return failed(error)
  if (type === 'error') return failed('the target reported an error')
  const opening = within(document['message'], 'usage')
  noteAnthropicUsage(opening ?? document['usage'], notes)
  const reason = text(within(document['delta'], 'stop_reason')) ?? text(document['stop_reason'])
  notes.doneReason = reason ?? notes.doneReason
  return type === 'message_stop' ? COMPLETE : null
}

function readResponses(document: JsonDocument, notes: MutableMeasured, event: string): Verdict | null {
  const type = text(document['type']) ?? event
  const error = errorOf(document)
  if (error !== null) return failed(error)
  if (type === 'error') return failed(text(document['message']) ?? 'the target reported an error')
  // Unstreamed, the document is the response itself.
  const response = isJsonObject(document['response']) ? document['response'] : document
  noteUsage(response['usage'], notes, 'input_tokens', 'output_tokens')
  notes.doneReason = text(within(response['incomplete_details'], 'reason')) ?? notes.doneReason
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
