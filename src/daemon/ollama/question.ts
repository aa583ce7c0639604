// Short questions to the target: each waits for the whole answer within a deadline and a maximum size, and never throws.

import type { Clock } from '../runtime/clock.ts'
import { GrowableBuffer } from '../text/byte-buffers.ts'
import type { AnswerSink, Exchange, TargetRequest } from './target.ts'

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
  { deadlineMs, maxBytes }: Bounds,
  signal?: AbortSignal,
): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>()
  const fail = (reason: string): void => resolve({ kind: 'failed', reason })
  const body = new GrowableBuffer()
  let status = 0
  const exchange = send({
    head(code) {
      status = code
    },
    data(chunk) {
      const fits = body.length + chunk.length <= maxBytes
      if (fits) body.add(chunk)
      else fail(`an answer of more than ${maxBytes / 1024 ** 2} MiB`)
      return fits
    },
    end: () => resolve({ kind: 'answered', status, body: body.take() }),
    lost: ({ message }) => fail(message),
  })
  const giveUp = (reason: string): void => {
    fail(reason)
    exchange.abort()
  }
  const stop = (): void => giveUp('given up')
  signal?.addEventListener('abort', stop, { once: true })
  const timer = clock.after(deadlineMs, () => giveUp(`no answer within ${deadlineMs / 1000} s`))
  return promise.finally(() => {
    timer.cancel()
    signal?.removeEventListener('abort', stop)
    // Ends an answer that is too large. Does nothing if the exchange is over.
    exchange.abort()
  })
}

/** A request of foreman's own, with its bounds. */
export interface Question {
  readonly request: TargetRequest
  readonly bounds: Bounds
}

const post = (path: string, document: object): TargetRequest => ({
  method: 'POST',
  path,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(document)),
})

/** Asks for the details of a model. The answer for one with the longest licences and templates is smaller than 1 MiB. */
export const showQuestion = (model: string): Question => ({
  request: post('/api/show', { model }),
  bounds: { deadlineMs: 10_000, maxBytes: 8 * 1024 ** 2 },
})

/**
 * Loads the embedder and pins it. Checked with 0.17.4: an empty input loads the model and is answered with `"embeddings":[]`, and
 * `keep_alive: -1` sets `expires_at` centuries ahead. Ollama gives up a load that makes no progress for 5 min; on a slow disk a
 * load may take longer than that in all.
 */
export const warmQuestion = (model: string): Question => ({
  request: post('/api/embed', { model, input: '', keep_alive: -1 }),
  bounds: { deadlineMs: 15 * 60_000, maxBytes: 4 * 1024 ** 2 },
})

/**
 * Unloads one model as `ollama stop` does: a generate without a prompt and with `keep_alive: 0`. It works for embedders as well
 * (server/routes.go, 0.17.4 and 0.34.4). Ollama answers at once; a model in use is unloaded at the end of that use.
 */
export const unloadQuestion = (model: string): Question => ({
  request: post('/api/generate', { model, keep_alive: 0 }),
  bounds: { deadlineMs: 10_000, maxBytes: 64 * 1024 },
})

/** Returns null if the target did what was asked, else why not. */
export function failureOf(reply: Reply): string | null {
  if (reply.kind === 'failed') return reply.reason
  return reply.status === 200 ? null : `HTTP ${reply.status}: ${reply.body.toString('utf8', 0, 200)}`
}
