// Reader of `Prefer: wait=N` (RFC 7240), N in seconds. Pure. A preference is never an error: one that does not parse is
// ignored.

import type { IncomingHttpHeaders } from 'node:http'

/** The longest wait that is granted, in seconds. */
export const MAX_WAIT_S = 60

/** A preference: a name, an optional value, and optional parameters after semicolons, which `wait` does not have. */
const PREFERENCE = /[\s,]*([!#$%&'*+.^`|~\w-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?([^,"]|"(?:[^"\\]|\\.)*")*/y

/** How long the caller would wait, in seconds, at most MAX_WAIT_S. Null if it does not say so. The first of two counts. */
export function preferredWait(headers: IncomingHttpHeaders): number | null {
  // Node's names are in lower case; its types do not know this one.
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

/** The header that confirms a wait. */
export const waitApplied = (seconds: number): Record<string, string> => ({ 'Preference-Applied': `wait=${seconds}` })
