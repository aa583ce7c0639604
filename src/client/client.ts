// Owns the calls to a running foreman over HTTP. It knows nothing but fetch, so that it runs on Node 22+, Bun and in
// browsers; it never retries by itself and leaves nothing open.

import type { StatusDocument } from '../protocol/wire.ts'
import { AnswerError, ForeignError, RefusedError, UnreachableError } from './error.ts'

export interface ClientOptions {
  /** Where foreman is, a path prefix included. Default `http://127.0.0.1:8080`. */
  readonly url?: string
  /** What FOREMAN_TOKEN is set to there. */
  readonly token?: string
  /** Milliseconds for one whole call. Default 10 000. */
  readonly timeoutMs?: number
}

export interface CallOptions {
  /** Gives up the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** `GET /healthz`. */
export interface Health {
  readonly status: string
  /** The target does not answer; foreman itself is well. */
  readonly degraded: boolean
}

/** `POST /pause` and `/resume`. */
export interface Paused {
  readonly paused: boolean
}

type Fields = Readonly<Record<string, unknown>>

export class ForemanClient {
  readonly url: string
  readonly #token: string | undefined
  readonly #timeoutMs: number

  constructor({ url = 'http://127.0.0.1:8080', token, timeoutMs = 10_000 }: ClientOptions = {}) {
    this.url = url.replace(/\/+$/, '')
    this.#token = token
    this.#timeoutMs = timeoutMs
  }

  /** What the target, the queue and the running job are doing now. */
  async status(options?: CallOptions): Promise<StatusDocument> {
    const isStatus = ({ target, queue }: Fields): boolean => isObject(target) && isObject(queue)
    return this.#call('GET', '/status', isStatus, options)
  }

  /** Nothing new is sent to the target until `resume`; the running job ends. Survives a restart. Safe twice. */
  async pause(options?: CallOptions): Promise<Paused> {
    return this.#call('POST', '/pause', ({ paused }) => typeof paused === 'boolean', options)
  }

  /** Ends a pause. Safe twice. */
  async resume(options?: CallOptions): Promise<Paused> {
    return this.#call('POST', '/resume', ({ paused }) => typeof paused === 'boolean', options)
  }

  /** Whether foreman is alive; needs no token. */
  async health(options?: CallOptions): Promise<Health> {
    return this.#call('GET', '/healthz', ({ degraded }) => typeof degraded === 'boolean', options)
  }

  /** Rejects with a ForemanError, or with the signal's reason. `isWanted` tells foreman's answer from anybody else's. */
  async #call<T>(
    method: string,
    path: string,
    isWanted: (it: Fields) => boolean,
    { signal }: CallOptions = {},
  ): Promise<T> {
    const timeout = AbortSignal.timeout(this.#timeoutMs)
    let response: Response
    let text: string
    try {
      response = await fetch(`${this.url}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        },
        // A redirect would carry the token to an address that nobody configured.
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      text = await response.text()
    } catch (error) {
      signal?.throwIfAborted()
      const why = timeout.aborted ? `no answer within ${this.#timeoutMs} ms` : reasonOf(error)
      throw new UnreachableError(`no answer from ${this.url}: ${why}`, { cause: error })
    }
    const document = parsed(text)
    if (!response.ok) throw errorFor(this.url, response, document)
    if (!isObject(document) || !isWanted(document)) throw foreign(this.url)
    // `isWanted` has looked at what tells the document apart; the rest is foreman's word.
    return document as T
  }
}

const isObject = (it: unknown): it is Fields => typeof it === 'object' && it !== null && !Array.isArray(it)

const foreign = (url: string): ForeignError => new ForeignError(`something answers at ${url}, but it is not foreman`)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function errorFor(url: string, { status, headers }: Response, document: unknown): Error {
  const code = headers.get('x-foreman-error')
  const told = isObject(document) && typeof document['error'] === 'string' ? document['error'] : null
  if (status === 401 || status === 403) return new RefusedError(told ?? `${url} answered ${status}`, status, code)
  return code === null && told === null ? foreign(url) : new AnswerError(told ?? `HTTP ${status}`, status, code)
}

/** fetch hides the reason of a failure in causes, sometimes several at once (one for each address of a name). */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message || error.name : reasonOf(error.cause)
}
