// Limits on texts of the target that foreman stores or shows. Pure. Such a text may quote a prompt, so it must not be
// logged.

/** Length in UTF-8. */
export const MAX_TARGET_TEXT_BYTES = 2048

const ELLIPSIS = '…'
const ELLIPSIS_BYTES = 3

/** Returns the text, or its beginning in whole characters with an ellipsis if it is longer than 2 KiB. */
export function cutTargetText(text: string): string {
  const bytes = Buffer.from(text.slice(0, MAX_TARGET_TEXT_BYTES + 1))
  if (bytes.length <= MAX_TARGET_TEXT_BYTES) return text
  let end = MAX_TARGET_TEXT_BYTES - ELLIPSIS_BYTES
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end) + ELLIPSIS
}

/**
 * Phrases that Ollama 0.17 to 0.34 uses for failures that its operator can fix. None of them contains a word of a
 * prompt.
 */
const KNOWN_REASONS = [
  'requires more system memory',
  'out of memory',
  'unable to load model',
  'runner has unexpectedly stopped',
  'runner process has terminated',
  'server busy',
  'token repeat limit reached',
  'context length',
  'does not support',
  'not found',
  'unauthorized',
] as const

/** Returns the known phrase in an error of the target, for the log; null if it contains none. */
export const knownReason = (text: string): string | null =>
  KNOWN_REASONS.find((phrase) => text.includes(phrase)) ?? null
