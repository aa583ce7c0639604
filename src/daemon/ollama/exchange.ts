// Owns one request on its way and its answer coming back: the handler that undici calls, and the Exchange that the asker
// holds. It turns callbacks into the order that AnswerSink promises, and never buffers, copies or reads a byte.

import type { Dispatcher } from 'undici'
import { answerHeaders } from './answer-headers.ts'
import { Ended, lossOf } from './loss.ts'
import type { AnswerSink, Exchange } from './target.ts'

/** What an exchange needs of the line that it goes over. */
export interface TargetConnection {
  /** An answer must be one that a job can have: not a redirect, not empty (RFC 9110 §15.3.5). */
  readonly forJobs: boolean
  /** Bytes came, and not those of an error page. */
  heard(): void
  /** Calls back when the socket that was just destroyed is gone. */
  whenGone(settle: () => void): void
  /** A sink threw: a bug. */
  broken(error: unknown): void
}

/** Whether no job can have this answer: 204 and 205 are empty, and a redirect is never followed. */
const isImpossible = (status: number): boolean => status === 204 || status === 205 || (status >= 300 && status < 400)

/** Whether the length of the body is declared twice: then it cannot be known where the answer ends (RFC 9112 §6.3). */
function hasUnclearLength(raw: readonly (Buffer | string)[]): boolean {
  const names = raw.filter((_, index) => index % 2 === 0).map((name) => name.toString().toLowerCase())
  return names.filter((name) => name === 'content-length' || name === 'transfer-encoding').length > 1
}

/** A reason phrase that Node would not write again (undici reads it as UTF-8, and any byte may stand there) is left out. */
export const sayable = (reason: string): string => (/^[\t\x20-\x7e]*$/.test(reason) ? reason : '')

export class Sent implements Exchange, Dispatcher.DispatchHandler {
  readonly #sink: AnswerSink
  readonly #line: TargetConnection
  #controller: Dispatcher.DispatchController | null = null
  #over = false
  #informed = false
  #answered = false
  #isGood = false
  #started = false
  #dispatched = false
  #resumed = false
  #settled = false
  #settling: PromiseWithResolvers<void> | null = null

  constructor(sink: AnswerSink, line: TargetConnection) {
    this.#sink = sink
    this.#line = line
  }

  /** Made when asked for: a thousand embeddings a second do not ask. */
  get settled(): Promise<void> {
    this.#settling ??= Promise.withResolvers<void>()
    if (this.#settled) this.#settling.resolve()
    return this.#settling.promise
  }

  get isSettled(): boolean {
    return this.#settled
  }

  /** Puts it on its way. */
  over(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions): this {
    dispatcher.dispatch(options, this)
    this.#dispatched = true
    return this
  }

  abort(): void {
    this.end(new Ended('aborted', 'ABORTED', 'aborted'))
  }

  /** Ends it from this side, for a reason. */
  end(reason: Ended): void {
    if (this.#over) return
    // Not started: there is no socket to destroy, and onRequestStart will see that it is over.
    if (this.#controller === null) this.#lose(reason, true)
    else this.#controller.abort(reason)
  }

  resume(): void {
    this.#resumed = true
    if (!this.#over) this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, and not aborted by the controller: that would destroy a connection which nobody has used.
    if (this.#over) throw new Ended('aborted', 'ABORTED', 'aborted')
    this.#controller = controller
    this.#started = true
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: object, reason?: string): void {
    if (status < 500) this.#line.heard()
    if (status < 200) {
      this.#informed = true
      return
    }
    this.#answered = true
    this.#isGood = status < 500
    if (this.#line.forJobs && isImpossible(status)) {
      return controller.abort(new Ended('protocol', `HTTP_${status}`, `HTTP ${status} ${reason ?? ''}`.trim()))
    }
    const raw = controller.rawHeaders
    if (this.#line.forJobs && Array.isArray(raw) && hasUnclearLength(raw)) {
      return controller.abort(new Ended('protocol', 'UNCLEAR_LENGTH', 'it declares its length twice'))
    }
    try {
      this.#sink.head(status, Array.isArray(raw) ? answerHeaders(raw) : [], sayable(reason ?? ''))
    } catch (error) {
      this.#broke(error)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isGood) this.#line.heard()
    this.#resumed = false
    try {
      // A sink that has taken heart again before it returned must not be waited for.
      if (!this.#sink.data(chunk) && !this.#resumed && !this.#over) controller.pause()
    } catch (error) {
      this.#broke(error)
    }
  }

  onResponseEnd(): void {
    if (this.#over) return
    this.#over = true
    this.#settle()
    try {
      this.#sink.end()
    } catch (error) {
      this.#line.broken(error)
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return
    // undici says some things before dispatch() has returned; the asker does not hold the exchange yet.
    if (!this.#dispatched) {
      queueMicrotask(() => this.#lose(error, true))
      return
    }
    // Our own end is told before the socket is gone, every other loss after.
    this.#lose(error, !this.#started || !(error instanceof Ended))
  }

  #lose(error: Error, isGone: boolean): void {
    if (this.#over) return
    this.#over = true
    if (isGone) this.#settle()
    else this.#line.whenGone(() => this.#settle())
    try {
      this.#sink.lost(lossOf(error, { started: this.#started, answered: this.#answered, informed: this.#informed }))
    } catch (bug) {
      this.#line.broken(bug)
    }
  }

  #settle(): void {
    this.#settled = true
    this.#settling?.resolve()
  }

  #broke(error: unknown): void {
    this.#line.broken(error)
    this.end(new Ended('aborted', 'SINK_BROKEN', 'the reader of the answer failed'))
  }
}
