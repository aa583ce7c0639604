// The target as the daemon uses it: which request goes over which connection. It does not read what a body says, and only this
// folder connects to the target.

import type { Client } from 'undici'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { Connections } from './connections.ts'
import { Sent, type TargetConnection } from './exchange.ts'
import { maxBytesOf, type Probed, pingResult, probeResult } from './probe.ts'
import { ask, failureOf, type Question, type Reply, showQuestion, unloadQuestion, warmQuestion } from './question.ts'
import { createRequestWriter } from './request.ts'
import type { AnswerSink, Exchange, PingResult, ProbeResult, Target, TargetRequest } from './target.ts'

export interface TargetOptions {
  /** Origin and path prefix, without a trailing slash. */
  readonly url: string
  readonly token: string | null
  /** `user:password`, in place of a token. */
  readonly basic?: string | null
  readonly clock: Clock
  readonly log: Log
  readonly embedConcurrency: number
  /** The id of this daemon. It is in each request, so that a loop is noticed. */
  readonly hop: string
}

const get = (path: string): TargetRequest => ({ method: 'GET', path, headers: {}, body: null })

function authorizationOf(token: string | null, basic: string | null): string | null {
  if (basic !== null) return `Basic ${Buffer.from(basic).toString('base64')}`
  return token === null ? null : `Bearer ${token}`
}

/** Connects to nothing yet. */
export function createTarget(options: TargetOptions): Target {
  return new OllamaTarget(options)
}

class OllamaTarget implements Target {
  readonly #clock: Clock
  readonly #log: Log
  readonly #connections: Connections
  readonly #optionsOf: ReturnType<typeof createRequestWriter>
  readonly #directConnection: TargetConnection
  readonly #embedConnection: TargetConnection
  #current: Sent | null = null
  #answeredAt: number | null = null
  /** Why the last try to load the embedder failed; null if it did not, or before the first. */
  #warmFailure: string | null = null

  constructor({ url, token, basic = null, clock, log, embedConcurrency, hop }: TargetOptions) {
    const { origin, pathname } = new URL(url)
    this.#clock = clock
    this.#log = log
    this.#connections = new Connections(origin, embedConcurrency, (error) => this.#broken(error))
    this.#optionsOf = createRequestWriter(pathname.replace(/\/+$/, ''), authorizationOf(token, basic), hop)
    // Node closes the descriptor of a destroyed socket at once. undici does not say which socket of a pool it was.
    this.#directConnection = { ...this.#events, forJobs: false, whenGone: (settle) => setImmediate(settle) }
    this.#embedConnection = { ...this.#directConnection, retryOn: (exchange) => this.#freshUntil(exchange.settled) }
  }

  get answeredAt(): number | null {
    return this.#answeredAt
  }

  sendJob(request: TargetRequest, sink: AnswerSink): Exchange {
    return this.#onJobConnection(request, sink, true)
  }

  sendDirect(request: TargetRequest, sink: AnswerSink): Exchange {
    return new Sent(sink, this.#directConnection, this.#optionsOf(request)).over(this.#connections.current.direct)
  }

  sendEmbedding(request: TargetRequest, sink: AnswerSink): Exchange {
    return new Sent(sink, this.#embedConnection, this.#optionsOf(request)).over(this.#connections.current.embeddings)
  }

  async ping(deadlineMs: number): Promise<PingResult> {
    const bounds = { deadlineMs, maxBytes: maxBytesOf('/api/ps') }
    return pingResult(await this.#askOnJobConnection({ request: get('/api/ps'), bounds }))
  }

  async probe(deadlineMs: number): Promise<ProbeResult> {
    const [tags, ps, version] = await Promise.all([
      this.#askFresh('/api/tags', deadlineMs),
      this.#askFresh('/api/ps', deadlineMs),
      this.#askFresh('/api/version', deadlineMs),
    ])
    return probeResult(tags, ps, version)
  }

  async alive(deadlineMs: number): Promise<boolean> {
    const reply = await this.#askFresh('/api/version', deadlineMs)
    return reply.kind === 'answered' && reply.status < 500
  }

  async warm(model: string, signal?: AbortSignal): Promise<boolean> {
    const reply = await this.#askDirect(warmQuestion(model), signal)
    if (signal?.aborted === true) return false
    const reason = failureOf(reply)
    // The load is tried again at each probe while the target is idle: one line for each reason is enough.
    if (reason !== null && reason !== this.#warmFailure)
      this.#log.warn({ embedder: model, reason }, 'the embedder could not be loaded')
    this.#warmFailure = reason
    return reason === null
  }

  async unload(model: string): Promise<string | null> {
    return failureOf(await this.#askOnJobConnection(unloadQuestion(model)))
  }

  async show(model: string): Promise<string | null> {
    const reply = await this.#askDirect(showQuestion(model))
    if (reply.kind === 'failed' || reply.status >= 500) return null
    return reply.status === 200 ? reply.body.toString('utf8') : ''
  }

  renewConnections(): void {
    this.#connections.renew()
  }

  close(): Promise<void> {
    return this.#connections.close()
  }

  #onJobConnection(request: TargetRequest, sink: AnswerSink, forJobs: boolean): Exchange {
    if (this.#current !== null && !this.#current.isSettled) throw new Error('the job connection is in use')
    const client = this.#connections.current.jobs
    const whenGone = (settle: () => void): void => void client.once('disconnect', () => settle())
    this.#current = new Sent(sink, { ...this.#events, forJobs, whenGone }, this.#optionsOf(request))
    return this.#current.over(client)
  }

  #askDirect({ request, bounds }: Question, signal?: AbortSignal): Promise<Reply> {
    return ask((sink) => this.sendDirect(request, sink), this.#clock, bounds, signal)
  }

  async #askOnJobConnection({ request, bounds }: Question): Promise<Reply> {
    const reply = await ask((sink) => this.#onJobConnection(request, sink, false), this.#clock, bounds)
    // An aborted request leaves its socket behind for a moment; the next request must not use it.
    await this.#current?.settled
    return reply
  }

  async #askFresh(path: Probed, deadlineMs: number): Promise<Reply> {
    const client = this.#connections.fresh()
    const options = { ...this.#optionsOf(get(path)), reset: true }
    const send = (sink: AnswerSink) => new Sent(sink, this.#directConnection, options).over(client)
    const reply = await ask(send, this.#clock, { deadlineMs, maxBytes: maxBytesOf(path) })
    this.#connections.drop(client)
    return reply
  }

  #freshUntil(settled: Promise<void>): Client {
    const client = this.#connections.fresh()
    void settled.then(() => this.#connections.drop(client))
    return client
  }

  get #events(): Pick<TargetConnection, 'heard' | 'broken'> {
    return {
      heard: () => {
        this.#answeredAt = this.#clock.monotonic()
      },
      broken: (error) => this.#broken(error),
    }
  }

  #broken(error: unknown): void {
    this.#log.error({ err: error }, 'unexpected error in the connection to the target')
  }
}
