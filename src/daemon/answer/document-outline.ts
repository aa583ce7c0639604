// Outline of a JSON document that is too large to be parsed: 64 MiB of `{},` would be 1.4 GB. Pure.

import { isJsonDocument, rawMembersNamed, rawText } from './raw-json.ts'

/** The names that a dialect reads (see dialects.ts). */
const READ_NAMES = [
  ...['error', 'type', 'status', 'done', 'done_reason', '_debug_info', 'load_duration', 'eval_duration', 'eval_count'],
  ...['prompt_eval_count', 'prompt_eval_cached_count', 'usage', 'stop_reason', 'incomplete_details', 'message'],
] as const
/** A larger value is never read: only its kind is kept. */
const MAX_VALUE_BYTES = 64 * 1024

const QUOTE = 0x22
const BRACE = 0x7b

/** Returns the members that are read, or undefined if the bytes are not a JSON document. */
export function outlineOf(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  if (!isJsonDocument(bytes)) return undefined
  const outline: Record<string, unknown> = {}
  for (const [name, value] of rawMembersNamed(bytes, READ_NAMES))
    outline[name] = value.length <= MAX_VALUE_BYTES ? JSON.parse(value.toString()) : shortened(value)
  return outline
}

function shortened(value: Buffer): unknown {
  if (value[0] === BRACE) return {}
  return value[0] === QUOTE ? (rawText(value)?.toString('utf8', 0, MAX_VALUE_BYTES) ?? '') : []
}
