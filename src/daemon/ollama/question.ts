// Short question to the target: waits for the whole answer within a deadline and a maximum size. Never throws.

import type { AnswerHeaders } from '../domain/endpoint.ts'
import type { Clock } from '../runtime/clock.ts'
import { GrowableBuffer } from '../text/byte-buffers.ts'
import type { AnswerSink, Exchange, LostConnection } from './target.ts'

export type Reply =
  | { readonly kind: 'answered'; readonly status: number; readonly body: Buffer }
  | { readonly kind: 'failed'; readonly reason: string }

export interface Bounds {
  readonly deadlineMs: number
  readonly maxBytes: number
}

/** @param send sends the question on the connection of the caller's choice */
export function ask(
  send: (sink: AnswerSink) => Exchange,
  clock: Clock,
  bounds: Bounds,
  signal?: AbortSignal,
): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>()
  const collector = new Collector(bounds.maxBytes, resolve)
  const exchange = send(collector)
  const giveUp = (): void => {
    collector.fail('given up')
    exchange.abort()
  }
  signal?.addEventListener('abort', giveUp, { once: true })
  const timer = clock.after(bounds.deadlineMs, () => {
    collector.fail(`no answer within ${bounds.deadlineMs / 1000} s`)
    exchange.abort()
  })
  return promise.finally(() => {
    timer.cancel()
    signal?.removeEventListener('abort', giveUp)
    // Ends an answer that is too large. Does nothing if the exchange is over.
    exchange.abort()
  })
}

class Collector implements AnswerSink {
  readonly #maxBytes: number
  readonly #resolve: (reply: Reply) => void
  readonly #body = new GrowableBuffer()
  #status = 0

  constructor(maxBytes: number, resolve: (reply: Reply) => void) {
    this.#maxBytes = maxBytes
    this.#resolve = resolve
  }

  fail(reason: string): void {
    this.#resolve({ kind: 'failed', reason })
  }

  head(status: number, _headers: AnswerHeaders, _reason: string): void {
    this.#status = status
  }

  data(chunk: Buffer): boolean {
    if (this.#body.length + chunk.length > this.#maxBytes) {
      this.fail(`an answer of more than ${this.#maxBytes / 1024 ** 2} MiB`)
      return false
    }
    this.#body.add(chunk)
    return true
  }

  end(): void {
    this.#resolve({ kind: 'answered', status: this.#status, body: this.#body.take() })
  }

  lost(error: LostConnection): void {
    this.fail(error.message)
  }
}
