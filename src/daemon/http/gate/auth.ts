// Token check: finds the credential of a request and compares it with FOREMAN_TOKEN. A token never appears in a log, an error
// text or the database.

import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export type Credentials = Pick<IncomingHttpHeaders, 'authorization'> & {
  readonly 'x-api-key'?: string | string[] | undefined
}

/** Digests are compared, because timingSafeEqual throws on unequal lengths, which would reveal the token's length. */
const digest = (text: string): Buffer => hash('sha256', text, 'buffer')

export class TokenCheck {
  readonly #digest: Buffer | null

  /** `token`: null if none is set; credentials are then ignored. */
  constructor(token: string | null) {
    this.#digest = token === null ? null : digest(token)
  }

  get isSet(): boolean {
    return this.#digest !== null
  }

  /** Whether a token is set and one of the credentials is equal to it. */
  proves(headers: Credentials): boolean {
    if (this.#digest === null) return false
    const { authorization, 'x-api-key': key } = headers
    if (typeof key === 'string' && this.#is(key)) return true
    const sent = authorization === undefined ? null : tokenIn(authorization)
    return sent !== null && this.#is(sent)
  }

  #is(sent: string): boolean {
    return this.#digest !== null && timingSafeEqual(digest(sent), this.#digest)
  }
}

/** The token in an Authorization header: what follows `Bearer `, or the password of `Basic`, sent by clients of URLs with credentials. */
function tokenIn(authorization: string): string | null {
  const space = authorization.indexOf(' ')
  if (space < 0) return null
  const scheme = authorization.slice(0, space).toLowerCase()
  const rest = authorization.slice(space + 1)
  if (scheme === 'bearer') return rest
  if (scheme !== 'basic') return null
  const pair = Buffer.from(rest, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  return colon < 0 ? null : pair.slice(colon + 1)
}
