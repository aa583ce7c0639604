// `Retry-After` header of a receiver or of the target: the wait that it asks for. Pure.

const SECOND = 1_000

/** The longest wait that the header may ask for. A longer one counts as this. */
export const MAX_RETRY_AFTER_MS = 60 * 60 * SECOND

/** Returns the wait that the header asks for, at most an hour; 0 without a header, or for one that is invalid. */
export function retryAfterMs(header: string | null, now: number): number {
  return Math.min(askedMs(header?.trim() ?? '', now), MAX_RETRY_AFTER_MS)
}

/** Seconds, or an HTTP date. */
function askedMs(text: string, now: number): number {
  if (/^\d+$/.test(text)) return Number(text) * SECOND
  // Date.parse accepts almost anything as a date (`-5`, `1.5`). Each of the three forms of RFC 9110 begins with a
  // weekday.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*[ ,]/.test(text)) return 0
  const at = Date.parse(text)
  return Number.isNaN(at) ? 0 : Math.max(0, at - now)
}
