// Owns how a request to the target is written: whose headers it carries and what its body becomes. The caller's
// credentials, host and origin never pass (Ollama answers 403 to a foreign host or origin).

import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { HOP_HEADER } from '../domain/hop.ts'
import { Ended } from './loss.ts'
import type { TargetRequest } from './target.ts'

/** Set here, or of the caller's own connection. */
const WITHHELD = new Set([
  ...['authorization', 'host', 'origin', 'referer', 'cookie', 'user-agent', 'accept-encoding', 'x-api-key'],
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'expect'],
])

/** What would end a header, or is no byte. */
const UNSPEAKABLE = /[^\t\x20-\x7e\x80-\xff]/

/** Writes requests for one target. */
export class RequestWriter {
  readonly #prefix: string
  readonly #base: readonly string[]
  readonly #hop: string

  /** `authorization`: the value of that header; `hop`: the id of this daemon. */
  constructor(prefix: string, authorization: string | null, hop: string) {
    this.#prefix = prefix
    this.#hop = hop
    // `identity`: what the target writes is what the caller gets, and the marker must be able to read it.
    const base = ['user-agent', 'foreman', 'accept-encoding', 'identity']
    this.#base = authorization === null ? base : [...base, 'authorization', authorization]
  }

  options(request: TargetRequest): Dispatcher.DispatchOptions {
    const { method, body } = request
    const isStreamed = body !== null && !(body instanceof Uint8Array)
    const headers = this.#headers(request, isStreamed)
    return { method, path: this.#path(request), headers, body: isStreamed ? Readable.from(untilBroken(body)) : body }
  }

  /** The head of a request whose body is in hand, as undici would write it; null: a value that HTTP does not allow. */
  head(request: TargetRequest, host: string, length: number): string | null {
    let head = `${request.method} ${this.#path(request)} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
    const headers = this.#headers(request, false)
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const value = headers[i + 1] ?? ''
      if (UNSPEAKABLE.test(value)) return null
      head += `${headers[i]}: ${value}\r\n`
    }
    return `${head}content-length: ${length}\r\n\r\n`
  }

  /** Name, value, name, value. */
  #headers(request: TargetRequest, isStreamed: boolean): string[] {
    const headers = this.#base.slice()
    const passed = request.headers[HOP_HEADER]
    headers.push(HOP_HEADER, passed === undefined ? this.#hop : `${passed}, ${this.#hop}`)
    for (const name of Object.keys(request.headers)) {
      const value = request.headers[name]
      const folded = name.toLowerCase()
      // The length of bytes in hand is known better here.
      if (
        value === undefined ||
        folded === HOP_HEADER ||
        WITHHELD.has(folded) ||
        (folded === 'content-length' && !isStreamed)
      )
        continue
      headers.push(name, value)
    }
    return headers
  }

  #path({ path }: TargetRequest): string {
    return this.#prefix === '' ? path : this.#prefix + path
  }
}

/**
 * The caller's bytes, one chunk at a time. Iterated by hand, because `for await` would end the source with the first
 * early answer (a 413 in the middle of an upload), and the caller could not be told.
 */
async function* untilBroken(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]()
  for (;;) {
    let next: IteratorResult<Uint8Array>
    try {
      next = await chunks.next()
    } catch {
      throw new Ended('aborted', 'BODY_BROKEN', 'the request body broke off')
    }
    if (next.done === true) return
    yield next.value
  }
}
