// HTTP connection to one foreman: address, token, single requests and their errors. It never retries, and closes what it
// opened. It uses only fetch, so that it runs on Node 22+, Bun and in browsers.

import { CallDeadline } from './call-deadline.ts'
import { type CallSockets, callSockets } from './call-sockets.ts'
import { ApiError, AuthError, ForemanError, UnexpectedServerError, UnreachableError } from './error.ts'

export interface ConnectionOptions {
  readonly url: string
  readonly token: string | undefined
  readonly timeoutMs: number
  /** Default: the runtime's fetch. */
  readonly fetch: typeof globalThis.fetch | undefined
  /** Whether to reuse sockets. */
  readonly keepAlive: boolean
}

export interface ClientRequest {
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
  /** Time limit in milliseconds. Default: the connection's. */
  readonly timeoutMs?: number | undefined
}

/** A successful answer whose head has arrived. The caller must close it. */
export interface Answer {
  readonly response: Response
  /** Time limit for the head and the body. The reader of the body may extend it. */
  readonly patience: CallDeadline
  /** Closes the socket if it is open. Safe to call twice. */
  close(): void
}

/** A JSON object. */
export type JsonFieldsOf = Readonly<Record<string, unknown>>

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
  readonly #headers: Readonly<Record<string, string>>
  readonly #fetch: typeof globalThis.fetch
  readonly #sockets: () => CallSockets

  /** Throws a TypeError for a URL that fetch could never reach. */
  constructor({ url, token, timeoutMs, fetch, keepAlive }: ConnectionOptions) {
    checkUrl(url)
    this.url = url.replace(/\/+$/, '')
    this.timeoutMs = timeoutMs
    this.#fetch = fetch ?? ((input, init) => globalThis.fetch(input, init))
    this.#sockets = keepAlive || fetch !== undefined ? () => ({ init: {}, close: () => undefined }) : callSockets
    this.#headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      // Otherwise the runtime keeps the socket for a while. Browsers ignore this header and manage sockets themselves.
      ...(keepAlive ? {} : { connection: 'close' }),
    }
  }

  /** Sends a request. Rejects with a ForemanError or with the signal's reason, after closing everything. */
  async open(method: string, path: string, asking: ClientRequest = {}): Promise<Answer> {
    const { headers, body, signal, timeoutMs = this.timeoutMs } = asking
    const patience = new CallDeadline(
      signal,
      timeoutMs,
      () => new UnreachableError(`no answer from ${this.url}: no answer within ${timeoutMs} ms`),
    )
    const sockets = this.#sockets()
    const close = (): void => {
      patience.dispose()
      sockets.close()
    }
    try {
      patience.throwIfOver()
      // A browser's fetch throws if it is called as a method of another object.
      const fetch = this.#fetch
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: { accept: 'application/json', ...this.#headers, ...headers },
        // A redirect would send the token to an address that was not configured.
        redirect: 'manual',
        signal: patience.signal,
        ...sockets.init,
        ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
      })
      if (!response.ok) throw errorFor(this.url, response, parsedJson(await response.text()))
      return { response, patience, close }
    } catch (error) {
      const failure = this.failureOf(error, patience)
      close()
      throw failure
    }
  }

  /** Requests one JSON document. `isWanted` tells foreman's answer from that of another server. */
  async document<T>(
    method: string,
    path: string,
    isWanted: (it: JsonFieldsOf) => boolean,
    asking?: ClientRequest,
  ): Promise<{ document: T; response: Response }> {
    return this.#read(method, path, asking, async (response) => {
      const document = parsedJson(await response.text())
      if (!isObject(document) || !isWanted(document)) throw foreign(this.url)
      // `isWanted` checked the characteristic fields; the others are trusted.
      return { document: document as T, response }
    })
  }

  /** Requests the bytes of an answer. */
  async bytes(path: string, asking?: ClientRequest): Promise<{ bytes: Uint8Array<ArrayBuffer>; response: Response }> {
    return this.#read('GET', path, asking, async (response) => ({
      bytes: new Uint8Array(await response.arrayBuffer()),
      response,
    }))
  }

  /** Converts a failure while reading an answer to an error of this library, or to the reason of the caller's signal. */
  failureOf(error: unknown, patience: CallDeadline): unknown {
    if (patience.signal.aborted) return patience.signal.reason
    if (error instanceof ForemanError) return error
    return new UnreachableError(`no answer from ${this.url}: ${reasonOf(error)}`, { cause: error })
  }

  async #read<T>(
    method: string,
    path: string,
    asking: ClientRequest | undefined,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { response, patience, close } = await this.open(method, path, asking)
    try {
      return await read(response)
    } catch (error) {
      throw this.failureOf(error, patience)
    } finally {
      close()
    }
  }
}

export const isObject = (it: unknown): it is JsonFieldsOf => typeof it === 'object' && it !== null && !Array.isArray(it)

export const foreign = (url: string): UnexpectedServerError =>
  new UnexpectedServerError(`something answers at ${url}, but it is not foreman`)

/** Returns undefined if the text is not JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function errorFor(url: string, { status, headers }: Response, document: unknown): Error {
  const message = isObject(document) && typeof document['error'] === 'string' ? document['error'] : null
  // A page of another origin cannot read the header. On /jobs the document has the code as well.
  const inBody = isObject(document) && typeof document['code'] === 'string' ? document['code'] : null
  const code = headers.get('x-foreman-error') ?? inBody
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
