// Owns the way of a request that does not wait: to the target and back, status, headers and bytes unchanged, with
// back-pressure. An answer that breaks off is cut, never ended: nobody may take half of one for the whole.

import type { ServerResponse } from 'node:http'
import type { AnswerHeaders } from '../../domain/answer.ts'
import type { AnswerSink, Exchange, LostConnection, TargetRequest } from '../../ollama/target.ts'
import type { HttpContext } from '../context.ts'
import { LINGER_MS, type OwnError, ownError, refuse, type Surface } from '../respond.ts'
import { SlowReader } from '../slow-reader.ts'

export interface Forwarding {
  readonly context: HttpContext
  readonly res: ServerResponse
  readonly surface: Surface
  readonly request: TargetRequest
  /** Called once, when the answer is over, whichever way. */
  readonly onOver?: () => void
  /** Else on the way of every direct request. */
  readonly send?: (sink: AnswerSink) => Exchange
  /** Sees the answer go by: the head, each chunk, and at last whether all of it came. */
  readonly witness?: ResponseObserver
  /** For a body that is streamed: swallows what is left of it. */
  readonly drain?: () => Promise<void>
}

export interface ResponseObserver {
  head(status: number, headers: AnswerHeaders): void
  data(chunk: Buffer): void
  end(): void
  /** Nothing came from the target. True: the caller has been answered otherwise. */
  unanswered(): boolean
}

/** Sends it, now. A target that is known to be away gets nothing: its caller is told at once, and a probe looks again. */
export function forward(parts: Forwarding): void {
  const { context, res, surface, onOver, witness } = parts
  if (context.prober.status.reachable === false) {
    context.prober.soon('direct')
    if (witness?.unanswered() !== true) refuse(context, res, surface, ownError('target_unreachable'))
    return onOver?.()
  }
  if (res.destroyed) return onOver?.()
  new DirectAnswer(parts).start()
}

class DirectAnswer implements AnswerSink {
  readonly #parts: Forwarding
  #exchange: Exchange | null = null
  #head: { status: number; headers: AnswerHeaders; reason: string } | null = null
  /** The first chunk, while it may still be the only one. */
  #held: Buffer | null = null
  #begun = false
  #over = false
  readonly #reader: SlowReader
  /** For a reader who cannot take more. */
  #waits = false

  constructor(parts: Forwarding) {
    this.#parts = parts
    const { context, res } = parts
    this.#reader = new SlowReader(context.clock, res, context.config.clientStallMs)
  }

  start(): void {
    const { context, res, request, send } = this.#parts
    res.on('close', () => this.#leave())
    this.#exchange = send === undefined ? context.target.sendDirect(request, this) : send(this)
  }

  head(status: number, headers: AnswerHeaders, reason: string): void {
    this.#head = { status, headers, reason }
    this.#parts.witness?.head(status, headers)
  }

  data(chunk: Buffer): boolean {
    if (this.#over) return true
    this.#parts.witness?.data(chunk)
    if (!this.#begun && this.#held === null) {
      // Most answers are one chunk, and their end is in the same read: head and body then leave in one write.
      this.#held = chunk
      process.nextTick(() => this.#beginSafely())
      return true
    }
    this.#begin()
    return this.#over || this.#write(chunk)
  }

  end(): void {
    if (this.#over || this.#isAnswered()) return
    this.#parts.witness?.end()
    const held = this.#held
    if (!this.#begun) this.#writeHead(held?.length ?? null)
    if (this.#isEarly) this.#endLate(this.#begun ? null : held)
    else if (this.#begun || held === null) this.#parts.res.end()
    else this.#parts.res.end(held)
    this.#finish()
    this.#reader.watchToTheEnd()
  }

  lost(error: LostConnection): void {
    if (this.#over) return
    const { context, res, surface, witness } = this.#parts
    if (error.kind !== 'aborted') context.prober.soon('direct')
    context.log.debug({ kind: error.kind, code: error.code }, 'a direct answer was lost')
    if (this.#begun || this.#held !== null) res.destroy()
    else if (witness?.unanswered() !== true) refuse(context, res, surface, lostError(error))
    this.#finish()
  }

  /** Runs where nobody catches: a head that cannot be written must end this answer, and nothing else. */
  #beginSafely(): void {
    try {
      this.#begin()
    } catch (error) {
      this.#parts.context.log.error({ err: error }, 'the head of a direct answer could not be written')
      this.#parts.res.destroy()
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

  /** Somebody else has answered meanwhile (show.ts, from what it keeps): a second head would throw where nobody catches it. */
  #isAnswered(): boolean {
    if (this.#begun || !this.#parts.res.headersSent) return false
    this.#finish()
    this.#exchange?.abort()
    return true
  }

  /** The target has answered an upload that is still coming: it has such a blob already, or wants none. */
  get #isEarly(): boolean {
    return this.#parts.drain !== undefined && !this.#parts.res.req.complete
  }

  /** The answer is out; what is left of the upload is swallowed for a moment, because a reset could overtake the answer. */
  #endLate(held: Buffer | null): void {
    const { context, res, drain } = this.#parts
    if (held !== null) res.write(held)
    const timer = context.clock.after(LINGER_MS, () => res.end())
    const done = (): void => {
      timer.cancel()
      res.end()
    }
    drain?.().then(done, done)
  }

  #write(chunk: Buffer): boolean {
    const { res } = this.#parts
    if (res.write(chunk)) return true
    if (!this.#waits) {
      this.#waits = true
      res.once('drain', () => {
        this.#waits = false
        this.#reader.stop()
        this.#exchange?.resume()
      })
      this.#reader.watch()
    }
    return false
  }

  /** `length`: that of the whole body, where it is known and the target did not say. */
  #writeHead(length: number | null): void {
    const { res } = this.#parts
    const { status, headers, reason } = this.#head ?? { status: 502, headers: [], reason: '' }
    const flat: string[] = []
    let hasLength = false
    for (const [name, value] of headers) {
      flat.push(name, value)
      if (name.length === 14 && name.toLowerCase() === 'content-length') hasLength = true
    }
    if (length !== null && !hasLength) flat.push('Content-Length', String(length))
    if (this.#isEarly) flat.push('Connection', 'close')
    res.writeHead(status, reason, flat)
  }

  /** The caller hung up, or everything is out. */
  #leave(): void {
    if (this.#over) return
    this.#finish()
    if (!this.#parts.res.writableFinished) this.#parts.context.metrics.clientGone()
    this.#exchange?.abort()
  }

  #finish(): void {
    this.#over = true
    this.#reader.stop()
    this.#parts.onOver?.()
  }
}

function lostError(error: LostConnection): OwnError {
  if (error.kind === 'unreached') return ownError('target_unreachable')
  if (error.kind === 'protocol') return ownError('bad_answer', { detail: error.message })
  return ownError('connection_lost')
}
