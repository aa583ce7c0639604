// Headers of an answer that go on to the caller. Those of this one connection are dropped (RFC 9110, section 7.6.1), and those that
// concern the target's own origin (cookies, CORS). Names keep the target's spelling, and duplicates stay.

import type { AnswerHeaders } from '../domain/endpoint.ts'

const DROPPED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'set-cookie'],
])

const CORS = 'access-control-'
/** foreman's own headers. If the target's answer has them, they are from another foreman, or forged. */
const OWN = 'x-foreman-'

/** Returns the names in a `Connection` header that are not always dropped. */
function namedIn(connection: string): string[] {
  return connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => !DROPPED.has(name))
}

/** @param raw name, value, name, value … as they were on the wire. Bytes above 0x7f stay the same byte. */
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
