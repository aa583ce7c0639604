// Owns which headers of an answer go on to whoever asked. It drops what belongs to this one connection (RFC 9110, section 7.6.1)
// and what only the target's own origin may say (cookies, CORS); names keep the target's spelling, duplicates stay.

import type { AnswerHeaders } from '../domain/answer.ts'

const DROPPED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'set-cookie'],
])

const CORS = 'access-control-'
/** What foreman says of itself: on an answer of the target these are another foreman's, or a lie. */
const OWN = 'x-foreman-'

/** The names that a `Connection` header declares to be of this hop only, but for those that are known to be. */
function namedIn(connection: string): string[] {
  return connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => !DROPPED.has(name))
}

/** From raw headers (name, value, name, value …) as they stood on the wire. Bytes above 0x7f stay the same byte. */
export function answerHeaders(raw: readonly (Buffer | string)[]): AnswerHeaders {
  const kept: [string, string][] = []
  const ofThisHop: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]?.toString('latin1'))
    const value = String(raw[i + 1]?.toString('latin1'))
    const folded = name.toLowerCase()
    if (folded === 'connection') ofThisHop.push(...namedIn(value))
    if (!DROPPED.has(folded) && !folded.startsWith(CORS) && !folded.startsWith(OWN)) kept.push([name, value])
  }
  if (ofThisHop.length === 0) return kept
  return kept.filter(([name]) => !ofThisHop.includes(name.toLowerCase()))
}
