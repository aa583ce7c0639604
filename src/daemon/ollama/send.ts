// Owns the way to the target: what of the rest of the daemon's questions goes over which connection. Bytes in, bytes out;
// what a body says is not read here, and nothing but this folder connects to the target.

import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { Connections } from './connections.ts'
import { EmbedLines } from './embed-lines.ts'
import { Sent, type TargetConnection } from './exchange.ts'
import { maxBytesOf, PROBED, type Probed, pingResult, probeResult } from './probe.ts'
import { ask, type Bounds, type Reply } from './question.ts'
import { RequestWriter } from './request.ts'
import { SHOW_BOUNDS, showRequest } from './show.ts'
import type { AnswerSink, EmbedRequest, Exchange, PingResult, ProbeResult, Target, TargetRequest } from './target.ts'
import { UNLOAD_BOUNDS, unloadFailure, unloadRequest } from './unload.ts'
import { WARM_BOUNDS, warmFailure, warmRequest } from './warm.ts'

export interface TargetOptions {
  /** Origin and path prefix, without a trailing slash. */
  readonly url: string
  readonly token: string | null
  /** `user:password`, in place of a token. */
  readonly basic?: string | null
  readonly clock: Clock
  readonly log: Log
  readonly embedConcurrency: number
  /** The id of this daemon: it stands in each request, so that a loop is seen. */
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
  readonly #writer: RequestWriter
  readonly #directLine: TargetConnection
  readonly #host: string
  /** Null: the target speaks TLS, which is undici's. */
  readonly #embedLines: EmbedLines | null
  #current: Sent | null = null
  #answeredAt: number | null = null
  /** Why the embedder could not be loaded, when that was tried last. */
  #warmFailure: string | null = null

  constructor({ url, token, basic = null, clock, log, embedConcurrency, hop }: TargetOptions) {
    const { origin, pathname, protocol, host, hostname, port } = new URL(url)
    this.#clock = clock
    this.#log = log
    this.#connections = new Connections(origin, embedConcurrency, (error) => this.#broken(error))
    this.#writer = new RequestWriter(pathname.replace(/\/+$/, ''), authorizationOf(token, basic), hop)
    // Node gives the descriptor of a destroyed socket back at once; which socket of a pool it was, undici does not say.
    this.#directLine = { ...this.#line, forJobs: false, whenGone: (settle) => setImmediate(settle) }
    this.#host = host
    const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) }
    this.#embedLines = protocol === 'http:' ? new EmbedLines({ ...address, clock, ...this.#line }) : null
  }

  get answeredAt(): number | null {
    return this.#answeredAt
  }

  sendJob(request: TargetRequest, sink: AnswerSink): Exchange {
    return this.#onJobLine(request, sink, true)
  }

  sendDirect(request: TargetRequest, sink: AnswerSink): Exchange {
    return new Sent(sink, this.#directLine).over(this.#connections.direct, this.#writer.options(request))
  }

  sendEmbedding(request: EmbedRequest, sink: AnswerSink): Exchange {
    const head = this.#embedLines === null ? null : this.#writer.head(request, this.#host, request.body.length)
    // undici also knows what to say of a header that cannot be sent.
    if (this.#embedLines === null || head === null) return this.sendDirect(request, sink)
    return this.#embedLines.send(head, request.body, sink)
  }

  async ping(deadlineMs: number): Promise<PingResult> {
    const bounds = { deadlineMs, maxBytes: maxBytesOf('/api/ps') }
    const reply = await ask((sink) => this.#onJobLine(get('/api/ps'), sink, false), this.#clock, bounds)
    // A question that was given up leaves a socket behind for a moment; the next request must not meet it.
    await this.#current?.settled
    return pingResult(reply)
  }

  async probe(deadlineMs: number): Promise<ProbeResult> {
    const replies = PROBED.map((path) => this.#askFresh(path, { deadlineMs, maxBytes: maxBytesOf(path) }))
    const [tags, ps, version] = await Promise.all(replies)
    const none: Reply = { kind: 'failed', reason: 'not asked' }
    return probeResult({ '/api/tags': tags ?? none, '/api/ps': ps ?? none, '/api/version': version ?? none })
  }

  async alive(deadlineMs: number): Promise<boolean> {
    const reply = await this.#askFresh('/api/version', { deadlineMs, maxBytes: maxBytesOf('/api/version') })
    return reply.kind === 'answered' && reply.status < 500
  }

  async warm(model: string, signal?: AbortSignal): Promise<boolean> {
    const reply = await ask((sink) => this.sendDirect(warmRequest(model), sink), this.#clock, WARM_BOUNDS, signal)
    if (signal?.aborted === true) return false
    const reason = warmFailure(reply)
    // It is tried again at each quiet probe: the same reason once is enough.
    if (reason !== null && reason !== this.#warmFailure)
      this.#log.warn({ embedder: model, reason }, 'the embedder could not be loaded')
    this.#warmFailure = reason
    return reason === null
  }

  async unload(model: string): Promise<string | null> {
    const request = unloadRequest(model)
    const reply = await ask((sink) => this.#onJobLine(request, sink, false), this.#clock, UNLOAD_BOUNDS)
    await this.#current?.settled
    return unloadFailure(reply)
  }

  async show(model: string): Promise<string | null> {
    const reply = await ask((sink) => this.sendDirect(showRequest(model), sink), this.#clock, SHOW_BOUNDS)
    if (reply.kind === 'failed' || reply.status >= 500) return null
    return reply.status === 200 ? reply.body.toString('utf8') : ''
  }

  renewConnections(): void {
    this.#connections.renew()
    this.#embedLines?.renew()
  }

  close(): Promise<void> {
    this.#embedLines?.close()
    return this.#connections.close()
  }

  #onJobLine(request: TargetRequest, sink: AnswerSink, forJobs: boolean): Exchange {
    if (this.#current !== null && !this.#current.isSettled) throw new Error('the job connection is in use')
    const client = this.#connections.jobs
    const whenGone = (settle: () => void): void => void client.once('disconnect', () => settle())
    this.#current = new Sent(sink, { ...this.#line, forJobs, whenGone })
    return this.#current.over(client, this.#writer.options(request))
  }

  async #askFresh(path: Probed, bounds: Bounds): Promise<Reply> {
    const client = this.#connections.fresh()
    const line: TargetConnection = { ...this.#directLine }
    const options = { ...this.#writer.options(get(path)), reset: true }
    const reply = await ask((sink) => new Sent(sink, line).over(client, options), this.#clock, bounds)
    this.#connections.drop(client)
    return reply
  }

  get #line(): Pick<TargetConnection, 'heard' | 'broken'> {
    return {
      heard: () => {
        this.#answeredAt = this.#clock.monotonic()
      },
      broken: (error) => this.#broken(error),
    }
  }

  #broken(error: unknown): void {
    this.#log.error({ err: error }, 'a bug around the target connection')
  }
}
