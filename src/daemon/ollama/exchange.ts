// One request to the target and its answer: the handler that undici calls, and the Exchange that the caller holds. It turns
// callbacks into the order that AnswerSink promises, and never buffers, copies or reads a byte.

import type { Dispatcher } from 'undici'
import type { AnswerHeaders } from '../domain/endpoint.ts'
import { isStaleConnection } from './connector.ts'
import { Ended, lossOf } from './loss.ts'
import type { AnswerSink, Exchange } from './target.ts'

/** What an exchange needs of the connection that carries it. */
export interface TargetConnection {
  /** The answer must be one that a job can have: not a redirect, not empty (RFC 9110, section 15.3.5). */
  readonly forJobs: boolean
  /** Called when bytes come that do not belong to an error page. */
  heard(): void
  /** Calls back when the socket that was just destroyed is gone. */
  whenGone(settle: () => void): void
  /** Called when a sink throws, which is a bug. */
  broken(error: unknown): void
  /** New connection on which the request is sent once more if its kept connection was closed before a byte of an answer. */
  readonly retryOn?: (exchange: Exchange) => Dispatcher
}

/** Returns whether a job cannot have this answer: 204 and 205 are empty, and a redirect is never followed. */
const isImpossible = (status: number): boolean => status === 204 || status === 205 || (status >= 300 && status < 400)

/** Returns whether the length of the body is declared twice: then its end cannot be known (RFC 9112, section 6.3). */
function hasUnclearLength(raw: readonly (Buffer | string)[]): boolean {
  const names = raw.filter((_, index) => index % 2 === 0).map((name) => name.toString().toLowerCase())
  return names.filter((name) => name === 'content-length' || name === 'transfer-encoding').length > 1
}

/**
 * Headers of an answer that do not go on to the caller: those of this one connection (RFC 9110, section 7.6.1), and those that
 * concern the target's own origin (cookies, CORS).
 */
const DROPPED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'set-cookie'],
])

const CORS = 'access-control-'
/** foreman's own headers. If the target's answer has them, they are from another foreman, or forged. */
const OWN = 'x-foreman-'

/** Returns the names in a `Connection` header that are not always dropped. */
function namedIn(connection: string): string[] {
  return connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => !DROPPED.has(name))
}

/**
 * Returns the headers that go on to the caller. Names keep the target's spelling, and duplicates stay.
 *
 * @param raw name, value, name, value … as they were on the wire. Bytes above 0x7f stay the same byte.
 */
export function answerHeaders(raw: readonly (Buffer | string)[]): AnswerHeaders {
  const kept: [string, string][] = []
  const ofThisHop: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]?.toString('latin1'))
    const value = String(raw[i + 1]?.toString('latin1'))
    const folded = name.toLowerCase()
    if (folded === 'connection') ofThisHop.push(...namedIn(value))
    if (!DROPPED.has(folded) && !folded.startsWith(CORS) && !folded.startsWith(OWN)) kept.push([name, value])
  }
  if (ofThisHop.length === 0) return kept
  return kept.filter(([name]) => !ofThisHop.includes(name.toLowerCase()))
}

/** Leaves out a reason phrase that Node would not write again: undici reads it as UTF-8, and it may hold any byte. */
const writableReason = (reason = ''): string => (/^[\t\x20-\x7e]*$/.test(reason) ? reason : '')

/**
 * `sent`: undici has given it a connection. `informed`: a 1xx came. `answered`: the head came; `isGood`: its status is below
 * 500. `over`: the sink has got `end` or `lost`; `isSettled`: the socket is free or gone.
 */
type ExchangeState =
  | { readonly kind: 'queued' }
  | { readonly kind: 'sent' | 'informed'; readonly controller: Dispatcher.DispatchController }
  | { readonly kind: 'answered'; readonly controller: Dispatcher.DispatchController; readonly isGood: boolean }
  | { readonly kind: 'over'; readonly isSettled: boolean }

export class Sent implements Exchange, Dispatcher.DispatchHandler {
  readonly #sink: AnswerSink
  readonly #connection: TargetConnection
  readonly #options: Dispatcher.DispatchOptions
  #state: ExchangeState = { kind: 'queued' }
  /** `dispatch()` has returned, so the caller holds the exchange. */
  #isDispatched = false
  #isRetry = false
  /** The sink called `resume` since its last chunk began. */
  #isResumed = false
  #settling: PromiseWithResolvers<void> | null = null

  constructor(sink: AnswerSink, connection: TargetConnection, options: Dispatcher.DispatchOptions) {
    this.#sink = sink
    this.#connection = connection
    this.#options = options
  }

  /** Created when it is asked for: most embeddings never ask. */
  get settled(): Promise<void> {
    this.#settling ??= Promise.withResolvers<void>()
    if (this.isSettled) this.#settling.resolve()
    return this.#settling.promise
  }

  get isSettled(): boolean {
    return this.#state.kind === 'over' && this.#state.isSettled
  }

  /** Sends the request. */
  over(dispatcher: Dispatcher): this {
    dispatcher.dispatch(this.#options, this)
    this.#isDispatched = true
    return this
  }

  abort(): void {
    this.#end(new Ended('aborted', 'ABORTED', 'aborted'))
  }

  resume(): void {
    this.#isResumed = true
    if ('controller' in this.#state) this.#state.controller.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, because controller.abort() would destroy a connection that has not been used.
    if (this.#isOver) throw new Ended('aborted', 'ABORTED', 'aborted')
    this.#state = { kind: 'sent', controller }
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: object, reason?: string): void {
    if (status < 500) this.#connection.heard()
    if (status < 200) {
      this.#state = { kind: 'informed', controller }
      return
    }
    this.#state = { kind: 'answered', controller, isGood: status < 500 }
    const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : []
    if (this.#connection.forJobs && isImpossible(status))
      return controller.abort(new Ended('protocol', `HTTP_${status}`, `HTTP ${status} ${reason ?? ''}`.trim()))
    if (this.#connection.forJobs && hasUnclearLength(raw))
      return controller.abort(new Ended('protocol', 'UNCLEAR_LENGTH', 'it declares its length twice'))
    try {
      this.#sink.head(status, answerHeaders(raw), writableReason(reason))
    } catch (error) {
      this.#broke(error)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state.kind === 'answered' && this.#state.isGood) this.#connection.heard()
    this.#isResumed = false
    try {
      // If the sink called resume() inside data(), its return value is out of date: do not pause.
      if (!this.#sink.data(chunk) && !this.#isResumed && !this.#isOver) controller.pause()
    } catch (error) {
      this.#broke(error)
    }
  }

  onResponseEnd(): void {
    if (this.#isOver) return
    this.#state = { kind: 'over', isSettled: false }
    this.#settle()
    try {
      this.#sink.end()
    } catch (error) {
      this.#connection.broken(error)
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return
    const retryOn = this.#connection.retryOn
    if (retryOn !== undefined && !this.#isRetry && this.#state.kind === 'sent' && isStaleConnection(error)) {
      this.#isRetry = true
      this.#state = { kind: 'queued' }
      this.over(retryOn(this))
      return
    }
    // undici reports some errors before dispatch() has returned; the caller does not hold the exchange yet.
    if (!this.#isDispatched) {
      queueMicrotask(() => this.#lose(error, true))
      return
    }
    // foreman's own abort is reported before the socket is gone, every other loss after.
    this.#lose(error, this.#state.kind === 'queued' || !(error instanceof Ended))
  }

  get #isOver(): boolean {
    return this.#state.kind === 'over'
  }

  #end(reason: Ended): void {
    // Not sent yet: no socket must be destroyed, and onRequestStart sees that the exchange is over.
    if (this.#state.kind === 'queued') this.#lose(reason, true)
    else if (this.#state.kind !== 'over') this.#state.controller.abort(reason)
  }

  #lose(error: Error, isGone: boolean): void {
    if (this.#state.kind === 'over') return
    const loss = lossOf(error, this.#state.kind)
    this.#state = { kind: 'over', isSettled: false }
    if (isGone) this.#settle()
    else this.#connection.whenGone(() => this.#settle())
    try {
      this.#sink.lost(loss)
    } catch (bug) {
      this.#connection.broken(bug)
    }
  }

  #settle(): void {
    this.#state = { kind: 'over', isSettled: true }
    this.#settling?.resolve()
  }

  #broke(error: unknown): void {
    this.#connection.broken(error)
    this.#end(new Ended('aborted', 'SINK_BROKEN', 'the reader of the answer failed'))
  }
}
