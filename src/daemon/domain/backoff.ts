// Backoff: the wait before the next try, and the wait that a `Retry-After` header asks for. Pure: time and the random
// number are arguments.

const SECOND = 1_000

/** ±20 %: without it, everything that failed together (when a target or receiver reboots) would come back together. */
export const withJitter = (ms: number, random: number): number => Math.round(ms * (0.8 + 0.4 * random))

/** Returns 1, 2, 4 s … up to a minute, with jitter, for the `tries`-th failure in a row (1 is the first). */
export function backoffMs(tries: number, random: number): number {
  return withJitter(Math.min(60 * SECOND, SECOND * 2 ** Math.max(0, Math.min(tries, 20) - 1)), random)
}

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
