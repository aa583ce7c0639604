// Owns the reading of `Prefer: wait=N` (RFC 7240), N in seconds. Pure. A preference is never an error: what cannot be read
// was not asked for.

import type { IncomingHttpHeaders } from 'node:http'

/** The longest wait that is granted, seconds. */
export const MAX_WAIT_S = 60

/** A preference: a name, perhaps a value, perhaps parameters behind semicolons, which `wait` has none of. */
const PREFERENCE = /[\s,]*([!#$%&'*+.^`|~\w-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?([^,"]|"(?:[^"\\]|\\.)*")*/y

/** How long the caller would wait, seconds, at most LONGEST_WAIT_S; null: he did not say so. The first of two counts. */
export function preferredWait(headers: IncomingHttpHeaders): number | null {
  // Lower case as Node gives them; not among the names that its types know.
  const { prefer: raw } = headers as { readonly prefer?: string | string[] }
  const text = Array.isArray(raw) ? raw.join(', ') : (raw ?? '')
  PREFERENCE.lastIndex = 0
  for (let found = PREFERENCE.exec(text); found !== null; found = PREFERENCE.exec(text)) {
    const [, name = '', value = ''] = found
    if (name.toLowerCase() !== 'wait') continue
    const digits = /^"?(\d{1,15})"?$/.exec(value)?.[1]
    return digits === undefined ? null : Math.min(MAX_WAIT_S, Number(digits))
  }
  return null
}

/** What the answer says of a wait that was granted. */
export const waitApplied = (seconds: number): Record<string, string> => ({ 'Preference-Applied': `wait=${seconds}` })
