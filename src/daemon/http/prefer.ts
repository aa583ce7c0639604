// Owns the reading of `Prefer: wait=N` (RFC 7240). Pure.

import type { IncomingHttpHeaders } from 'node:http'

/** The longest wait that is granted, seconds. */
export const LONGEST_WAIT_S = 60

/** Seconds to wait, at most LONGEST_WAIT_S; null: none was asked for, or none that can be read (a preference is never an error). */
export function preferredWait(_headers: IncomingHttpHeaders): number | null {
  return null
}
