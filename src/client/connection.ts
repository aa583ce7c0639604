// Owns the way to one foreman: its address, the token, one request at a time, and what its failure means. It never retries,
// and closes what it opened. It knows nothing but fetch, so that it runs on Node 22+, Bun and in browsers.

import { CallDeadline } from './call-deadline.ts'
import { type CallSockets, callSockets } from './call-sockets.ts'
import { ApiError, AuthError, ForemanError, UnexpectedServerError, UnreachableError } from './error.ts'

export interface ConnectionOptions {
  readonly url: string
  readonly token: string | undefined
  readonly timeoutMs: number
  /** Default: the runtime's own. */
  readonly fetch: typeof globalThis.fetch | undefined
  /** Keep sockets for the next request. */
  readonly keepAlive: boolean
}

export interface ClientRequest {
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
  /** Default: that of the connection. */
  readonly timeoutMs?: number | undefined
}

/** An answer whose head has come and was good. Whoever asked must close it. */
export interface Answer {
  readonly response: Response
  /** Its time limit goes on until the end of the body, unless somebody allows it more. */
  readonly patience: CallDeadline
  /** Closes the socket, if it is still open. Safe twice. */
  close(): void
}

/** An object of JSON. */
export type JsonFieldsOf = Readonly<Record<string, unknown>>

/** In a page a URL may be relative; elsewhere fetch would fail at the first call, and a submit would try again for a while. */
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
      // Else a runtime would hold the socket for a while. Browsers ignore the header and look after theirs.
      ...(keepAlive ? {} : { connection: 'close' }),
    }
  }

  /** Rejects with a ForemanError, or with the signal's reason; then nothing is open. */
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
      // A browser's fetch refuses to be called as a method of anything but the window.
      const fetch = this.#fetch
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: { accept: 'application/json', ...this.#headers, ...headers },
        // A redirect would carry the token to an address that nobody configured.
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

  /** One document of JSON. `isWanted` tells foreman's answer from anybody else's. */
  async document<T>(
    method: string,
    path: string,
    isWanted: (it: JsonFieldsOf) => boolean,
    asking?: ClientRequest,
  ): Promise<{ document: T; response: Response }> {
    return this.#read(method, path, asking, async (response) => {
      const document = parsedJson(await response.text())
      if (!isObject(document) || !isWanted(document)) throw foreign(this.url)
      // `isWanted` has looked at what tells the document apart; the rest is foreman's word.
      return { document: document as T, response }
    })
  }

  /** The bytes of an answer. */
  async bytes(path: string, asking?: ClientRequest): Promise<{ bytes: Uint8Array<ArrayBuffer>; response: Response }> {
    return this.#read('GET', path, asking, async (response) => ({
      bytes: new Uint8Array(await response.arrayBuffer()),
      response,
    }))
  }

  /** What went wrong while an answer was read, as an error of this library or the reason of the caller's signal. */
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

/** Undefined for what is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function errorFor(url: string, { status, headers }: Response, document: unknown): Error {
  const told = isObject(document) && typeof document['error'] === 'string' ? document['error'] : null
  // A page of another origin sees no header that is not exposed to it; on /jobs the document says it, too.
  const written = isObject(document) && typeof document['code'] === 'string' ? document['code'] : null
  const code = headers.get('x-foreman-error') ?? written
  if (status === 401 || status === 403) return new AuthError(told ?? `${url} answered ${status}`, status, code)
  if (code === null && told === null) return foreign(url)
  return new ApiError(told ?? `HTTP ${status}`, status, code, retryAfterMs(headers.get('retry-after')))
}

/** Seconds, or a date. */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? null : Math.max(0, ms)
}

/** fetch hides the reason of a failure in causes, sometimes several at once (one for each address of a name). */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message || error.name : reasonOf(error.cause)
}
