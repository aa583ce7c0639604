// Owns one attempt: the job's request at the target, the bytes that come back, and when they may reach a listener. It
// says what happened (an Outcome); what becomes of the job is attempt.ts's to decide and the store's to write.

import { unreadableFormat } from '../answer/answer-format.ts'
import type { CompletionDetector, Verdict } from '../answer/completion-detector.ts'
import { INCOMPLETE } from '../answer/dialects.ts'
import type { AnswerHeaders } from '../domain/answer.ts'
import type { JobOutput } from '../domain/artifact.ts'
import type { AttemptOutcome, StopReason } from '../domain/attempt.ts'
import { answerForm } from '../domain/endpoint.ts'
import type { Job } from '../domain/job.ts'
import { MAX_TARGET_TEXT_BYTES } from '../domain/target-text.ts'
import type { AnswerSink, Exchange, LostConnection, Target } from '../ollama/target.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Relay } from '../runtime/relay.ts'
import { sizeText } from '../text/grammar.ts'
import { GrowableBuffer } from '../text/growable-buffer.ts'
import { RunRecords } from './run-records.ts'

/** What of an unstreamed answer is held back until its verdict is known: a cut or a lie is then still an honest 502. */
const MAX_HELD_ANSWER_BYTES = 8 * 1024 * 1024
/** What of an HTTP error is held back until it is known whether it is final. */
const MAX_HELD_ERROR_BYTES = 64 * 1024
/** How long an answer may take to end after its last record. Then its connection is closed and the next job is sent. */
const END_GRACE_MS = 5_000
/** The largest byte that is white space in a record. */
const SPACE = 0x20

/** The job at the target now, for whoever looks. */
export interface RunningJob {
  readonly job: Job
  /** Bytes of its answer until now. */
  readonly bytes: number
  /** Since the last one. */
  readonly silentMs: number
}

/** What there is of a running async job's answer. */
export interface AnswerSoFar {
  /** Number of the change that made the job `working`. */
  readonly change: number
  readonly chunks: readonly Buffer[]
  /** How many records watchers were told of. The last may end with the answer and not with its framing. */
  readonly records: number
}

export interface AttemptParts {
  readonly clock: Clock
  readonly target: Target
  readonly relay: Relay
  /** FOREMAN_MAX_ANSWER, bytes, for a job whose answer is kept. */
  readonly maxAnswer: number
  readonly onFirstByte: () => void
  readonly onBytes: (count: number) => void
}

const isOk = (status: number): boolean => status >= 200 && status < 300

export class Attempt implements AnswerSink {
  readonly job: Job
  readonly outcome: Promise<AttemptOutcome>
  readonly startedAt: number
  bytes = 0
  /** Clock.monotonic() of the last byte, or of the moment a paused reader took up again. */
  heardAt: number
  /** True while a slow listener holds the target back. */
  paused = false
  /** The first byte has come, or its model was resident from the start. */
  working: boolean
  /** Part of the answer went to a listener. */
  delivered = false

  readonly #parts: AttemptParts
  readonly #completion: CompletionDetector
  readonly #streamed: boolean
  readonly #settle: (outcome: AttemptOutcome) => void
  #exchange: Exchange | null = null
  #head: { status: number; headers: AnswerHeaders; reason: string } | null = null
  #flowing = false
  readonly #held = new GrowableBuffer()
  /** The answer of an async job that is an HTTP error. */
  readonly #errorBody = new GrowableBuffer()
  /** The beginning of an HTTP error: it decides whether the job is sent again. */
  readonly #errorStart = new GrowableBuffer()
  /** Chunks with more than white space in them. */
  #chunks = 0
  /** The last record has come: the answer must end within the grace. */
  #mustEnd = false
  #endTimer: Timer | null = null
  readonly #records: RunRecords
  #stopped: { reason: StopReason; limit?: string } | null = null
  /** The outcome is known. */
  #settled = false

  constructor(job: Job, parts: AttemptParts) {
    this.job = job
    this.#parts = parts
    this.#streamed = answerForm(job.endpoint, job.stream, job.loadOnly) !== 'json'
    this.#records = new RunRecords(job, this.#streamed, parts.relay)
    this.#completion = this.#records.completion
    this.startedAt = parts.clock.monotonic()
    this.heardAt = this.startedAt
    this.working = job.state === 'working'
    const { promise, resolve } = Promise.withResolvers<AttemptOutcome>()
    this.outcome = promise
    this.#settle = (outcome) => {
      this.#settled = true
      this.#endTimer?.cancel()
      resolve(outcome)
    }
  }

  get measured() {
    return this.#completion.measured()
  }

  /** Sends it. Resolves when the answer has ended or its socket is gone. */
  async send(body: Uint8Array): Promise<AttemptOutcome> {
    const { job } = this
    if (this.#stopped !== null) return this.outcome
    this.#exchange = this.#parts.target.sendJob(
      {
        method: 'POST',
        path: job.endpoint,
        headers: {
          ...(job.contentType === null ? {} : { 'content-type': job.contentType }),
          ...(job.contentEncoding === null ? {} : { 'content-encoding': job.contentEncoding }),
          'x-foreman-job-id': job.id,
          'x-foreman-attempt': String(job.attempt),
        },
        body,
      },
      this,
    )
    const outcome = await this.outcome
    await this.#exchange.settled
    return outcome
  }

  /**
   * Ends the attempt from our side. The first reason counts. An answer whose verdict is known keeps it:
   * 1. at a shutdown that waits no longer, its socket is destroyed at once;
   * 2. otherwise it has a few seconds to end, so that its connection stays usable.
   * Returns false if the answer keeps its verdict, true if the attempt ends for this reason or an earlier one.
   */
  stop(reason: StopReason, limit?: string): boolean {
    if (this.#stopped !== null) return true
    if (reason !== 'answer_too_large' && this.#finalVerdict !== null) {
      if (reason === 'shutting_down') this.#finish()
      else this.#expectEnd()
      return false
    }
    this.#stopped = limit === undefined ? { reason } : { reason, limit }
    this.#settle({ kind: 'stopped', ...this.#stopped })
    this.#exchange?.abort()
    return true
  }

  /** Given up for lost: silent, and new connections fail as well. */
  giveUp(message: string): void {
    this.#settle({ kind: 'lost', reached: true, message, verdict: this.#completion.verdict(true) })
    this.#exchange?.abort()
  }

  /** Passes on an answer that was held back as a whole. Called once the outcome is known to be final. */
  release(): void {
    this.#flow(this.#held.length)
  }

  /** `length`: bytes of the body, if all of them are held. */
  #flow(length: number | null): void {
    if (this.#flowing || this.#head === null) return
    this.#flowing = true
    const { status, headers, reason } = this.#head
    this.#parts.relay.head(this.job.id, status, headers, reason, length)
    if (this.#held.length > 0) this.#pass(this.#held.take())
  }

  /** Of an async job. */
  get answerSoFar(): AnswerSoFar {
    const { change, chunks, count } = this.#records
    return { change, chunks: this.working ? chunks : [], records: count }
  }

  /** What an async job leaves; undefined for a blocked call, or where nothing came. `isWhole`: it is done. */
  output(isWhole: boolean): JobOutput | undefined {
    if (this.job.caller === 'live' || this.#head === null) return undefined
    const { status } = this.#head
    const type = this.#header('content-type')
    // Cut, it would be another type.
    const contentType = type === null || type.length > MAX_TARGET_TEXT_BYTES ? null : type
    if (isOk(status)) return this.#records.remains(contentType, isWhole)
    const body = Uint8Array.from(this.#errorBody.bytes)
    const artifacts =
      body.length === 0
        ? []
        : [{ name: 'response', contentType: contentType ?? 'application/octet-stream', body } as const]
    return { artifacts, result: null, responseIsResult: false }
  }

  head(status: number, headers: AnswerHeaders, reason: string): void {
    this.heardAt = this.#parts.clock.monotonic()
    const unreadable = isOk(status) ? unreadableFormat(this.job.endpoint, headers) : null
    if (unreadable !== null) {
      this.#settle({ kind: 'bad_answer', detail: unreadable })
      this.#exchange?.abort()
      return
    }
    this.#head = { status, headers, reason }
    if (isOk(status) && !this.#streamed) this.#begin()
  }

  data(chunk: Buffer): boolean {
    // What flows goes on before it is read along: nobody waits for our reading.
    const flowed = this.#flowing
    const goesOn = !flowed || this.#pass(chunk)
    const ok = this.#readAlong(chunk)
    if (!flowed) this.#hold(chunk, ok)
    if (ok) this.#boundEnd(chunk)
    return flowed ? goesOn : !this.paused
  }

  #hold(chunk: Buffer, ok: boolean): void {
    // A streamed answer flows from its first byte; its head waited for it, so that a cut in between can be tried again.
    if (ok && this.#streamed) {
      this.#flow(null)
      this.#pass(chunk)
      return
    }
    this.#held.add(chunk)
    if (this.#held.length > (ok ? MAX_HELD_ANSWER_BYTES : MAX_HELD_ERROR_BYTES)) this.#flow(null)
  }

  /** Returns false for a part of an HTTP error. */
  #readAlong(chunk: Buffer): boolean {
    const isFirst = this.bytes === 0
    this.bytes += chunk.length
    this.heardAt = this.#parts.clock.monotonic()
    this.#parts.onBytes(chunk.length)
    const ok = this.#head !== null && isOk(this.#head.status)
    if (ok && isFirst && this.#streamed) this.#begin()
    this.#note(chunk, ok)
    return ok
  }

  end(): void {
    const status = this.#head?.status ?? 0
    if (isOk(status)) this.#completion.end()
    if (isOk(status))
      this.#settle({ kind: 'answered', verdict: this.#isEmpty ? INCOMPLETE : this.#completion.verdict() })
    else {
      const body = this.#errorStart.bytes.toString('utf8')
      this.#settle({ kind: 'http_error', status, body, retryAfter: this.#header('retry-after') })
    }
  }

  /** What the answer turned out to be, if nothing that follows can change it; otherwise null. */
  get #finalVerdict(): Verdict | null {
    if (this.#head === null || !isOk(this.#head.status)) return null
    const verdict = this.#completion.verdict(true)
    return verdict.kind === 'complete' || verdict.kind === 'error' ? verdict : null
  }

  /**
   * Bounds the time between the last record and the end of the answer.
   * 1. A stream whose last record has come has the grace from then on.
   * 2. Any other answer is asked for its verdict after each such time without a byte: a document, or a stream that lacks its
   *    last line end.
   */
  #boundEnd(chunk: Buffer): void {
    if (this.#mustEnd || this.#settled) return
    if (this.#completion.isDecided) return this.#expectEnd()
    if (!chunk.some((byte) => byte > SPACE)) return
    this.#chunks += 1
    if (this.#endTimer === null) this.#lookForEndLater()
  }

  #lookForEnd(chunks: number): void {
    if (chunks === this.#chunks && this.#finalVerdict !== null) return this.#finish()
    this.#lookForEndLater()
  }

  #lookForEndLater(): void {
    const seen = this.#chunks
    this.#endTimer = this.#parts.clock.after(END_GRACE_MS, () => this.#lookForEnd(seen))
  }

  #expectEnd(): void {
    if (this.#mustEnd) return
    this.#mustEnd = true
    this.#endTimer?.cancel()
    this.#endTimer = this.#parts.clock.after(END_GRACE_MS, () => this.#finish())
    this.#parts.relay.lastRecord(this.job.id)
  }

  /** The answer is known to be whole, or to be an error, and does not end: its connection is closed. */
  #finish(): void {
    const verdict = this.#finalVerdict
    if (verdict === null) return
    this.#completion.end()
    this.#settle({ kind: 'answered', verdict })
    this.#exchange?.abort()
  }

  /** A 200 with nothing in it (Ollama for a picture of a model that makes none): a caller gets it, a job would have nothing. */
  get #isEmpty(): boolean {
    return this.bytes === 0 && this.job.caller === 'none'
  }

  lost(error: LostConnection): void {
    if (error.kind === 'protocol') return this.#settle({ kind: 'bad_answer', detail: error.message })
    const reached = error.kind !== 'unreached'
    this.#settle({ kind: 'lost', reached, message: error.message, verdict: this.#completion.verdict(true) })
  }

  /** Of the answer's head; null if it has no such header. */
  #header(wanted: string): string | null {
    return this.#head?.headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? null
  }

  #begin(): void {
    this.working = true
    this.#parts.onFirstByte()
  }

  #pass(chunk: Buffer): boolean {
    if (this.#parts.relay.isHeard(this.job.id)) this.delivered = true
    const goOn = this.#parts.relay.data(this.job.id, chunk, () => {
      this.paused = false
      this.heardAt = this.#parts.clock.monotonic()
      this.#exchange?.resume()
    })
    if (!goOn) this.paused = true
    return goOn
  }

  /** Reads the chunk for the verdict, for watchers and for what an async job leaves. */
  #note(chunk: Buffer, ok: boolean): void {
    const isKept = this.job.caller === 'none'
    const { maxAnswer } = this.#parts
    const isTooLarge = isKept && this.bytes > maxAnswer
    // Bytes behind the last record are no reason to give a whole answer up.
    if (isTooLarge && this.#mustEnd) return
    if (isTooLarge) this.stop('answer_too_large', sizeText(maxAnswer))
    else if (ok) this.#completion.push(chunk)
    else if (isKept) this.#errorBody.add(chunk)
    if (!ok && this.#errorStart.length < MAX_HELD_ERROR_BYTES)
      this.#errorStart.add(chunk.subarray(0, MAX_HELD_ERROR_BYTES - this.#errorStart.length))
  }
}
