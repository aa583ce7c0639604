// Proxy for requests that do not wait in the queue: status, headers and bytes of the target unchanged, with back-pressure.
// An answer that breaks off is cut, never ended, so that a client cannot take half of it for the whole.

import type { AnswerHeaders } from '../../domain/endpoint.ts'
import { HOP_HEADER } from '../../domain/hop.ts'
import type { AnswerSink, Exchange, LostConnection, TargetRequest } from '../../ollama/target.ts'
import type { Call } from '../call.ts'
import { type OwnError, ownError, UNREAD_LINGER_MS } from '../respond.ts'
import { SlowReader } from '../slow-reader.ts'

/**
 * The few headers of a caller that are passed on to the target. All others stay behind, such as Authorization, Host, Origin
 * and Cookie: the target refuses foreign origins, and foreman alone authenticates callers.
 */
const PASSED = ['content-type', 'content-encoding', 'accept'] as const
/** A longer list of foremen that a request came through is a loop. */
const MAX_HOPS_LENGTH = 1024

/** The request of the call as it is sent to the target: with the path of its route, and without its query. */
export function requestOf({ req, route }: Call, body: TargetRequest['body'], path = route.path): TargetRequest {
  const headers: Record<string, string> = {}
  for (const name of PASSED) {
    const value = req.headers[name]
    if (value !== undefined) headers[name] = value
  }
  const hops = req.headers[HOP_HEADER]
  if (typeof hops === 'string' && hops.length <= MAX_HOPS_LENGTH) headers[HOP_HEADER] = hops
  return { method: req.method ?? 'GET', path, headers, body }
}

interface ForwardOptions {
  /** Called once, when the answer is over, for whatever reason. */
  readonly onOver?: () => void
  /** How the request is sent. By default with `target.sendDirect`. */
  readonly send?: (sink: AnswerSink) => Exchange
  readonly observer?: ResponseObserver
  /** For a body that is streamed: reads and drops what is left of it. */
  readonly drain?: () => Promise<void>
}

/** Sees the answer pass: the head, each chunk, and the end if all of it came. */
export interface ResponseObserver {
  head(status: number, headers: AnswerHeaders): void
  data(chunk: Buffer): void
  end(): void
  /** Called if nothing came from the target. Returns whether the observer has answered the caller itself. */
  unanswered(): boolean
}

/** Sends the request now. If the target is known to be unreachable, nothing is sent: the caller gets an error at once, and a
 * probe looks at the target again. */
export function forward(call: Call, request: TargetRequest, options: ForwardOptions = {}): void {
  const { context, res } = call
  const { onOver, observer, send = (sink) => context.target.sendDirect(request, sink) } = options
  if (context.prober.status.reachable === false) {
    context.prober.soon('direct')
    if (observer?.unanswered() !== true) call.refuse(ownError('target_unreachable'))
    return onOver?.()
  }
  if (res.destroyed) return onOver?.()
  new DirectAnswer(call, options).start(send)
}

class DirectAnswer implements AnswerSink {
  readonly #call: Call
  readonly #options: ForwardOptions
  readonly #res: Call['res']
  #exchange: Exchange | null = null
  #head: { status: number; headers: AnswerHeaders; reason: string } | null = null
  /** The first chunk, as long as it may be the only one. */
  #held: Buffer | null = null
  #begun = false
  #over = false
  readonly #reader: SlowReader
  /** Whether the caller cannot take more bytes now. */
  #waits = false

  constructor(call: Call, options: ForwardOptions) {
    const { context, res } = call
    this.#call = call
    this.#options = options
    this.#res = res
    this.#reader = new SlowReader(context.clock, res, context.config.clientStallMs)
  }

  start(send: (sink: AnswerSink) => Exchange): void {
    this.#res.on('close', () => this.#leave())
    this.#exchange = send(this)
  }

  head(status: number, headers: AnswerHeaders, reason: string): void {
    this.#head = { status, headers, reason }
    this.#options.observer?.head(status, headers)
  }

  data(chunk: Buffer): boolean {
    if (this.#over) return true
    this.#options.observer?.data(chunk)
    if (!this.#begun && this.#held === null) {
      // Most answers are one chunk, and the end is in the same read: head and body then leave in one write.
      this.#held = chunk
      process.nextTick(() => this.#beginSafely())
      return true
    }
    this.#begin()
    return this.#over || this.#write(chunk)
  }

  end(): void {
    if (this.#over || this.#isAnswered()) return
    this.#options.observer?.end()
    const held = this.#held
    if (!this.#begun) this.#writeHead(held?.length ?? null)
    if (this.#isEarly) this.#endLate(this.#begun ? null : held)
    else if (this.#begun || held === null) this.#res.end()
    else this.#res.end(held)
    this.#finish()
    this.#reader.watchToTheEnd()
  }

  lost(error: LostConnection): void {
    if (this.#over) return
    const { context } = this.#call
    if (error.kind !== 'aborted') context.prober.soon('direct')
    context.log.debug({ kind: error.kind, code: error.code }, 'a direct answer was lost')
    if (this.#begun || this.#held !== null) this.#res.destroy()
    else if (this.#options.observer?.unanswered() !== true) this.#call.refuse(lostError(error))
    this.#finish()
  }

  /** Runs in a tick of its own, where an exception would end the process: an invalid head must end only this answer. */
  #beginSafely(): void {
    try {
      this.#begin()
    } catch (error) {
      this.#call.context.log.error({ err: error }, 'the head of a direct answer could not be written')
      this.#res.destroy()
    }
  }

  #begin(): void {
    const held = this.#held
    if (this.#begun || this.#over || held === null || this.#isAnswered()) return
    this.#begun = true
    this.#held = null
    this.#writeHead(null)
    this.#write(held)
  }

  /** Whether the caller has been answered meanwhile (show.ts sends a kept answer). A second head would throw, uncaught. */
  #isAnswered(): boolean {
    if (this.#begun || !this.#res.headersSent) return false
    this.#finish()
    this.#exchange?.abort()
    return true
  }

  /** Whether the target has answered before the upload is complete: it has the blob already, or refuses it. */
  get #isEarly(): boolean {
    return this.#options.drain !== undefined && !this.#res.req.complete
  }

  /** Ends an answer that is sent. The rest of the upload is read for a moment: a reset could overtake the answer. */
  #endLate(held: Buffer | null): void {
    const res = this.#res
    if (held !== null) res.write(held)
    const timer = this.#call.context.clock.after(UNREAD_LINGER_MS, () => res.end())
    const done = (): void => {
      timer.cancel()
      res.end()
    }
    this.#options.drain?.().then(done, done)
  }

  #write(chunk: Buffer): boolean {
    if (this.#res.write(chunk)) return true
    if (!this.#waits) {
      this.#waits = true
      this.#res.once('drain', () => {
        this.#waits = false
        this.#reader.stop()
        this.#exchange?.resume()
      })
      this.#reader.watch()
    }
    return false
  }

  /** `length`: of the whole body, if it is known. Sent only if the target did not declare one. */
  #writeHead(length: number | null): void {
    const { status, headers, reason } = this.#head ?? { status: 502, headers: [], reason: '' }
    const flat: string[] = []
    let hasLength = false
    for (const [name, value] of headers) {
      flat.push(name, value)
      if (name.length === 14 && name.toLowerCase() === 'content-length') hasLength = true
    }
    if (length !== null && !hasLength) flat.push('Content-Length', String(length))
    if (this.#isEarly) flat.push('Connection', 'close')
    this.#res.writeHead(status, reason, flat)
  }

  /** The connection has closed: the caller hung up, or everything is sent. */
  #leave(): void {
    if (this.#over) return
    this.#finish()
    if (!this.#res.writableFinished) this.#call.context.metrics.inc('disconnects')
    this.#exchange?.abort()
  }

  #finish(): void {
    this.#over = true
    this.#reader.stop()
    this.#options.onOver?.()
  }
}

function lostError(error: LostConnection): OwnError {
  if (error.kind === 'unreached') return ownError('target_unreachable')
  if (error.kind === 'protocol') return ownError('bad_answer', { detail: error.message })
  return ownError('connection_lost')
}
