// HTTP connection to one foreman: address, token, single requests and their errors. It never retries, and closes what it
// opened. It uses only fetch, so that it runs on Node 22+, Bun and in browsers.

import { type JsonDocument, jsonObject } from '../protocol/json.ts'
import { CallDeadline } from './call-deadline.ts'
import { callSockets } from './call-sockets.ts'
import { ApiError, AuthError, ForemanError, UnexpectedServerError, UnreachableError } from './error.ts'

export interface ConnectionOptions {
  /** Address of foreman, with a path prefix if it has one. Default: `http://127.0.0.1:8080`. */
  readonly url?: string | undefined
  /** The daemon's FOREMAN_TOKEN. Default: no token is sent. */
  readonly token?: string | undefined
  /** Time limit of one call in milliseconds, if the call does not set its own. Default: 10 000. */
  readonly timeoutMs?: number | undefined
  /** Replaces the runtime's `fetch`, for example to use a proxy or a certificate. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** Whether later calls reuse sockets, which then stay open for a while. Default: false. */
  readonly keepAlive?: boolean | undefined
  /** How long, in milliseconds, a wait continues while foreman does not answer. Default: 120 000. */
  readonly unreachableMs?: number | undefined
}

export interface RequestOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Time limit of the whole call in milliseconds. Default: the client's `timeoutMs`, unless the method says otherwise. */
  readonly timeoutMs?: number | undefined
}

export interface ClientRequest extends RequestOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** JSON. Text and bytes are sent unchanged. */
  readonly body?: string | Uint8Array | object | undefined
}

/** A successful answer whose head has arrived. The caller must close it. */
export interface Answer {
  readonly response: Response
  /** Time limit for the head and the body. The reader of the body may extend it. */
  readonly deadline: CallDeadline
  /** Closes the socket if it is open. Safe to call twice. */
  close(): void
}

/** Tells a document of foreman from that of another server. */
export type DocumentCheck = (document: JsonDocument) => boolean

/**
 * Throws a TypeError for a URL that fetch cannot use. Without this check a submit would retry for a while. In a web page a
 * URL may be relative.
 */
function checkUrl(url: string): void {
  if (/^https?:\/\//i.test(url)) {
    if (URL.canParse(url)) return
    throw new TypeError(`url ${JSON.stringify(url)} is not a URL: write one such as http://127.0.0.1:8080`)
  }
  if (/^(?!\/\/)(\/|$)/.test(url) && 'location' in globalThis) return
  const meant = `http://${url.replace(/^[/:]+/, '') || '127.0.0.1:8080'}`
  const what = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? 'has a scheme other than http and https' : 'has no scheme'
  throw new TypeError(`url ${JSON.stringify(url)} ${what}: write http:// or https:// before the host, such as ${meant}`)
}

export class Connection {
  readonly url: string
  readonly timeoutMs: number
  readonly unreachableMs: number
  readonly #headers: Readonly<Record<string, string>>
  readonly #fetch: typeof globalThis.fetch
  readonly #ownsSockets: boolean

  /** Throws a TypeError for a URL that fetch could never reach. */
  constructor(options: ConnectionOptions) {
    const { url = 'http://127.0.0.1:8080', token, fetch, keepAlive = false } = options
    checkUrl(url)
    this.url = url.replace(/\/+$/, '')
    this.timeoutMs = options.timeoutMs ?? 10_000
    this.unreachableMs = options.unreachableMs ?? 120_000
    this.#fetch = fetch ?? ((input, init) => globalThis.fetch(input, init))
    this.#ownsSockets = !keepAlive && fetch === undefined
    this.#headers = {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      // Otherwise the runtime keeps the socket for a while. Browsers ignore this header and manage sockets themselves.
      ...(keepAlive ? {} : { connection: 'close' }),
    }
  }

  /** Returns a deadline that ends with UnreachableError, because `what` did not come in time. */
  deadline(signal: AbortSignal | undefined, timeoutMs: number, what = 'answer'): CallDeadline {
    const message = `no answer from ${this.url}: no ${what} within ${timeoutMs} ms`
    return new CallDeadline(signal, timeoutMs, () => new UnreachableError(message))
  }

  /** Requests one JSON document. */
  document<T>(method: string, path: string, isWanted: DocumentCheck, request?: ClientRequest): Promise<T> {
    return this.read(method, path, request, (response) => this.documentIn<T>(response, isWanted))
  }

  /** Reads the JSON document of an answer. `isWanted` checks the characteristic fields; the others are trusted. */
  async documentIn<T>(response: Response, isWanted: DocumentCheck): Promise<T> {
    const document = jsonObject(await response.text())
    if (document === null || !isWanted(document)) throw foreign(this.url)
    return document as T
  }

  /** Sends a request and resolves with what `read` makes of the answer. */
  async read<T>(
    method: string,
    path: string,
    request: ClientRequest | undefined,
    read: (response: Response) => T | Promise<T>,
  ): Promise<T> {
    const { response, deadline, close } = await this.#open(method, path, request)
    try {
      return await read(response)
    } catch (error) {
      throw this.#failureOf(error, deadline)
    } finally {
      close()
    }
  }

  /** Sends a request and yields what `read` makes of the answer's body. The answer is closed when the caller stops. */
  async *stream<T>(
    method: string,
    path: string,
    request: ClientRequest,
    read: (body: ReadableStream<Uint8Array>, answer: Answer) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, void> {
    const answer = await this.#open(method, path, request)
    try {
      if (answer.response.body === null) throw foreign(this.url)
      yield* read(answer.response.body, answer)
    } catch (error) {
      throw this.#failureOf(error, answer.deadline)
    } finally {
      answer.close()
    }
  }

  /** Rejects with a ForemanError or with the signal's reason, after closing everything. */
  async #open(method: string, path: string, request: ClientRequest = {}): Promise<Answer> {
    const { headers, body, signal, timeoutMs = this.timeoutMs } = request
    const deadline = this.deadline(signal, timeoutMs)
    const sockets = this.#ownsSockets ? callSockets() : null
    const close = (): void => {
      deadline.dispose()
      sockets?.close()
    }
    try {
      deadline.signal.throwIfAborted()
      // A browser's fetch throws if it is called as a method of another object.
      const fetch = this.#fetch
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: {
          ...this.#headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        // A redirect would send the token to an address that was not configured.
        redirect: 'manual',
        signal: deadline.signal,
        ...sockets?.init,
        ...(body === undefined ? {} : { body: bodyInit(body) }),
      })
      if (!response.ok) throw errorFor(this.url, response, jsonObject(await response.text()))
      return { response, deadline, close }
    } catch (error) {
      const failure = this.#failureOf(error, deadline)
      close()
      throw failure
    }
  }

  /** Converts a failure to an error of this library, or to the reason of the caller's signal. */
  #failureOf(error: unknown, { signal }: CallDeadline): unknown {
    if (signal.aborted) return signal.reason
    if (error instanceof ForemanError) return error
    return new UnreachableError(`no answer from ${this.url}: ${reasonOf(error)}`, { cause: error })
  }
}

const bodyInit = (body: string | Uint8Array | object): string | Uint8Array<ArrayBuffer> =>
  typeof body === 'string' || body instanceof Uint8Array
    ? (body as string | Uint8Array<ArrayBuffer>)
    : JSON.stringify(body)

export const jobPath = (id: string, rest = ''): string => `/jobs/${encodeURIComponent(id)}${rest}`

/** Whether a document has the id and the state of a job. */
export const isJob: DocumentCheck = ({ job_id, state }) => typeof job_id === 'string' && typeof state === 'string'

export const foreign = (url: string): UnexpectedServerError =>
  new UnexpectedServerError(`something answers at ${url}, but it is not foreman`)

function errorFor(url: string, { status, headers }: Response, document: JsonDocument | null): Error {
  const { error, code: codeInBody } = document ?? {}
  const message = typeof error === 'string' ? error : null
  // A page of another origin cannot read the header. On /jobs the document has the code as well.
  const code = headers.get('x-foreman-error') ?? (typeof codeInBody === 'string' ? codeInBody : null)
  if (status === 401 || status === 403) return new AuthError(message ?? `${url} answered ${status}`, status, code)
  if (code === null && message === null) return foreign(url)
  return new ApiError(message ?? `HTTP ${status}`, status, code, retryAfterMs(headers.get('retry-after')))
}

/** Reads a Retry-After header: seconds or a date. Returns milliseconds; null if there is none. */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? null : Math.max(0, ms)
}

/** fetch hides the reason of a failure in `cause`, sometimes several (one for each address of a name). */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message || error.name : reasonOf(error.cause)
}
