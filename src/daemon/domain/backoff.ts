// Backoff: the wait before the next try. Pure: the random number is an argument.

const FIRST_MS = 1_000
const MAX_BACKOFF_MS = 60_000

/**
 * Returns 1, 2, 4 s … up to a minute, ±20 % jitter, for the `tries`-th failure in a row (1 is the first). Without
 * jitter, everything that failed together (when a target reboots) would come back together.
 */
export function backoffMs(tries: number, random: number): number {
  const base = Math.min(MAX_BACKOFF_MS, FIRST_MS * 2 ** Math.max(0, Math.min(tries, 20) - 1))
  return Math.round(base * (0.8 + 0.4 * random))
}
