// Owns how a request to the target is written: whose headers it carries and what its body becomes. The caller's
// credentials, host and origin never pass (Ollama answers 403 to a foreign host or origin).

import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Ended } from './loss.ts'
import type { TargetRequest } from './target.ts'

/** Set here, or of the caller's own connection. */
const WITHHELD = new Set([
  ...['authorization', 'host', 'origin', 'referer', 'cookie', 'user-agent', 'accept-encoding', 'x-api-key'],
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'expect'],
])

/** Writes requests for one target. */
export class RequestWriter {
  readonly #prefix: string
  readonly #base: readonly string[]

  constructor(prefix: string, token: string | null) {
    this.#prefix = prefix
    // `identity`: what the target writes is what the caller gets, and the marker must be able to read it.
    const base = ['user-agent', 'foreman', 'accept-encoding', 'identity']
    this.#base = token === null ? base : [...base, 'authorization', `Bearer ${token}`]
  }

  options(request: TargetRequest): Dispatcher.DispatchOptions {
    const { method, path, body } = request
    const headers = this.#base.slice()
    const isStreamed = body !== null && !(body instanceof Uint8Array)
    for (const name of Object.keys(request.headers)) {
      const value = request.headers[name]
      const folded = name.toLowerCase()
      // The length of bytes in hand is known better here.
      if (value === undefined || WITHHELD.has(folded) || (folded === 'content-length' && !isStreamed)) continue
      headers.push(name, value)
    }
    const path_ = this.#prefix === '' ? path : this.#prefix + path
    return { method, path: path_, headers, body: isStreamed ? Readable.from(untilBroken(body)) : body }
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
