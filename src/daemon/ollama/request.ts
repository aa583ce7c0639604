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

/**
 * Returns a function that writes requests for one target. `authorization`: the value of that header; `hop`: the id of this
 * daemon.
 */
export function createRequestWriter(prefix: string, authorization: string | null, hop: string) {
  // `identity`: the caller gets the target's bytes, and foreman must be able to read them.
  const base = ['user-agent', 'foreman', 'accept-encoding', 'identity']
  if (authorization !== null) base.push('authorization', authorization)
  return ({ method, path, headers, body }: TargetRequest): Dispatcher.DispatchOptions => {
    const isStreamed = body !== null && !(body instanceof Uint8Array)
    const passed = headers[HOP_HEADER]
    // Name, value, name, value.
    const written = [...base, HOP_HEADER, passed === undefined ? hop : `${passed}, ${hop}`]
    for (const [name, value] of Object.entries(headers)) {
      const folded = name.toLowerCase()
      if (folded === HOP_HEADER || WITHHELD.has(folded)) continue
      // undici knows the length of a body that is not streamed.
      if (folded !== 'content-length' || isStreamed) written.push(name, value)
    }
    return { method, path: prefix + path, headers: written, body: isStreamed ? Readable.from(untilBroken(body)) : body }
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
