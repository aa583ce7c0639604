// Gate: the checks that each request must pass before its route is looked at, in the order form, Host, Origin, token. It reads
// no body and does not ask the target.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from '../../config/options.ts'
import { quoteForError } from '../../text/quote.ts'
import { type OwnError, ownError } from '../respond.ts'
import { TokenCheck } from './auth.ts'
import { formRefusal, isBodiless } from './framing.ts'
import { type HostRule, hostName, hostRule, isHostAllowed } from './host.ts'
import { corsHeaders, judgeOrigin, type OriginRule, originRule, preflightHeaders } from './origin.ts'

/** Health checks are answered whatever Host they name: supervisors may use any. */
const HEALTH = new Set(['/healthz', '/readyz'])
export const isHealth = (path: string): boolean => HEALTH.has(path)

/** Paths that need no token: clients read them before they have one. `/` is open to GET and HEAD only. */
export const OPEN_PATHS = new Set([...HEALTH, '/api/version', '/'])

export class Gate {
  readonly #token: TokenCheck
  readonly #hosts: HostRule
  readonly #origins: OriginRule
  /** The last Host that was allowed. Callers use the same one again, and a check takes a microsecond. */
  #lastHost: string | null = null

  /** `machine`: the name of this machine. */
  constructor(settings: Config, machine: string) {
    this.#token = new TokenCheck(settings.token)
    this.#hosts = hostRule(settings, machine)
    this.#origins = originRule(settings.origins)
  }

  /** Returns null if the request may pass. CORS headers are set in any case, so that a page can read a refusal. */
  refusal(req: IncomingMessage, res: ServerResponse, path: string): OwnError | null {
    const refusal = formRefusal(req)
    if (refusal !== null) return refusal
    const proven = this.#token.proves(req.headers)
    return (
      this.#hostRefusal(req, path, proven) ?? this.#originRefusal(req, res) ?? this.#tokenRefusal(req, path, proven)
    )
  }

  #hostRefusal({ headers, method }: IncomingMessage, path: string, proven: boolean): OwnError | null {
    if (isHealth(path)) return null
    const { host } = headers
    if (host === this.#lastHost) return null
    // Node refuses HTTP/1.1 without Host. HTTP/1.0 may omit it, and browsers do not use 1.0.
    if (host === undefined)
      return this.#hosts.loopbackOnly || proven ? null : ownError('bad_request', { detail: 'missing Host header' })
    const name = hostName(host)
    if (name === null) return ownError('bad_request', { detail: `malformed Host header ${quoteForError(host)}` })
    if (isHostAllowed(name, this.#hosts)) {
      this.#lastHost = host
      return null
    }
    if (proven) return null
    // A preflight cannot carry the token that would allow its Host, and has no effect by itself.
    if (method === 'OPTIONS' && this.#token.isSet) return null
    return ownError('host_not_allowed', { host: name })
  }

  #originRefusal(req: IncomingMessage, res: ServerResponse): OwnError | null {
    const verdict = judgeOrigin(req.headers, this.#origins)
    if (verdict.kind === 'refused') return ownError('origin_not_allowed', { origin: verdict.origin })
    if (verdict.kind === 'allowed') {
      const headers = req.method === 'OPTIONS' ? preflightHeaders(verdict, req.headers) : corsHeaders(verdict)
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
    }
    return null
  }

  #tokenRefusal(req: IncomingMessage, path: string, proven: boolean): OwnError | null {
    const { method, headers } = req
    if (!this.#token.isSet || proven || method === 'OPTIONS') return null
    if (OPEN_PATHS.has(path) && (path !== '/' || isBodiless(method))) return null
    // A token cannot hold these bytes: an encoding mistake, reported as one.
    if (/[^\t\x20-\x7e]/.test(headers.authorization ?? ''))
      return ownError('bad_request', {
        detail: 'the Authorization header has a character outside ASCII, which no token has',
      })
    return ownError('unauthorized')
  }
}
