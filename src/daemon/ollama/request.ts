// Requests to the target as undici takes them: their headers and their body. The caller's credentials, host and origin never
// pass (Ollama answers 403 to a foreign host or origin).

import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { HOP_HEADER } from '../domain/hop.ts'
import { Ended } from './loss.ts'
import type { TargetRequest } from './target.ts'

/** Headers that are set here, or that belong to the caller's own connection. */
const WITHHELD = new Set([
  ...['authorization', 'host', 'origin', 'referer', 'cookie', 'user-agent', 'accept-encoding', 'x-api-key'],
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'expect'],
])

/** Writes requests for one target. */
export class RequestWriter {
  readonly #prefix: string
  readonly #base: readonly string[]
  readonly #hop: string

  /** `authorization`: the value of that header; `hop`: the id of this daemon. */
  constructor(prefix: string, authorization: string | null, hop: string) {
    this.#prefix = prefix
    this.#hop = hop
    // `identity`: the caller gets the target's bytes, and foreman must be able to read them.
    const base = ['user-agent', 'foreman', 'accept-encoding', 'identity']
    this.#base = authorization === null ? base : [...base, 'authorization', authorization]
  }

  options(request: TargetRequest): Dispatcher.DispatchOptions {
    const { method, body } = request
    const isStreamed = body !== null && !(body instanceof Uint8Array)
    const headers = this.#headers(request, isStreamed)
    return {
      method,
      path: this.#prefix + request.path,
      headers,
      body: isStreamed ? Readable.from(untilBroken(body)) : body,
    }
  }

  /** Name, value, name, value. */
  #headers(request: TargetRequest, isStreamed: boolean): string[] {
    const headers = this.#base.slice()
    const passed = request.headers[HOP_HEADER]
    headers.push(HOP_HEADER, passed === undefined ? this.#hop : `${passed}, ${this.#hop}`)
    for (const name of Object.keys(request.headers)) {
      const value = request.headers[name]
      const folded = name.toLowerCase()
      // undici knows the length of a body that is not streamed.
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
}

/**
 * The caller's bytes, one chunk at a time. Iterated by hand: `for await` would end the source with an early answer (a 413 in
 * the middle of an upload), and the caller would not get that answer.
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
