// One attempt of a job: its request to the target, the answer that comes back, and when that may reach a listener. It reports
// what happened (an AttemptOutcome); domain/attempt.ts decides what becomes of the job.

import { unreadableFormat } from '../answer/answer-format.ts'
import type { CompletionDetector } from '../answer/completion-detector.ts'
import { INCOMPLETE } from '../answer/dialects.ts'
import type { JobOutput } from '../domain/artifact.ts'
import type { AttemptOutcome, StopReason, Verdict } from '../domain/attempt.ts'
import type { AnswerHeaders } from '../domain/endpoint.ts'
import { answerForm } from '../domain/endpoint.ts'
import type { Job } from '../domain/job.ts'
import { MAX_TARGET_TEXT_BYTES } from '../domain/target-text.ts'
import type { AnswerSink, Exchange, LostConnection, Target } from '../ollama/target.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Relay } from '../runtime/relay.ts'
import { GrowableBuffer } from '../text/byte-buffers.ts'
import { sizeText } from '../text/grammar.ts'
import { RunRecords } from './run-records.ts'

/** Bytes of an unstreamed answer that are held until its verdict is known. Until then a bad answer can still become a 502. */
const MAX_HELD_ANSWER_BYTES = 8 * 1024 * 1024
/** Bytes of an HTTP error that are held until it is known whether the job is sent again. */
const MAX_HELD_ERROR_BYTES = 64 * 1024
/** Time between the last record and the end of an answer. After it, foreman closes the connection and sends the next job. */
const END_GRACE_MS = 5_000
/** The largest byte that is white space in a record. */
const SPACE = 0x20

/** The job at the target now, for display. */
export interface RunningJob {
  readonly job: Job
  /** Bytes of its answer until now. */
  readonly bytes: number
  /** Time since the last byte, or since it was sent. */
  readonly silentMs: number
}

/** The answer of a running async job, as far as it has come. */
export interface AnswerSoFar {
  /** Number of the change that made the job `working`. */
  readonly change: number
  readonly chunks: readonly Buffer[]
  /** Number of records that watchers have got. */
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

interface Head {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly reason: string
}

/** `waiting`: the head has not come. `held`: nothing has been passed on yet. `flowing`: bytes are passed on as they come. */
type AnswerState = { readonly kind: 'waiting' } | { readonly kind: 'held' | 'flowing'; readonly head: Head }

/**
 * `open`: the answer may go on. `ending`: its last record has come, and it must end within the grace. `settled`: the outcome is
 * known. `stopped`: settled because foreman stopped it.
 */
type EndState = 'open' | 'ending' | 'settled' | 'stopped'

/** `none`: no listener has got a byte. `paused`: the listener is slow and holds the target back. */
type ListenerState = 'none' | 'reading' | 'paused'

const isOk = (status: number): boolean => status >= 200 && status < 300

export class Attempt implements AnswerSink {
  readonly job: Job
  readonly outcome: Promise<AttemptOutcome>
  readonly startedAt: number
  bytes = 0
  /** Clock.monotonic() of the last byte, or of the moment when a slow listener continued. */
  heardAt: number
  /** True once the first byte has come, or if the model was resident from the start. */
  working: boolean

  readonly #parts: AttemptParts
  readonly #records: RunRecords
  readonly #completion: CompletionDetector
  readonly #streamed: boolean
  readonly #resolve: (outcome: AttemptOutcome) => void
  #exchange: Exchange | null = null
  #answer: AnswerState = { kind: 'waiting' }
  #end: EndState = 'open'
  #listener: ListenerState = 'none'
  readonly #held = new GrowableBuffer()
  /** The HTTP error that an async job got. */
  readonly #errorBody = new GrowableBuffer()
  /** The beginning of an HTTP error: it decides whether the job is sent again. */
  readonly #errorStart = new GrowableBuffer()
  /** Chunks with more than white space in them. */
  #chunks = 0
  #endTimer: Timer | null = null

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
    this.#resolve = resolve
  }

  get measured() {
    return this.#completion.measured()
  }

  /** Whether a slow listener holds the target back. */
  get paused(): boolean {
    return this.#listener === 'paused'
  }

  /** Whether a part of the answer went to a listener. */
  get delivered(): boolean {
    return this.#listener !== 'none'
  }

  /** Sends the request. Resolves when the answer has ended or its socket is gone. */
  async send(body: Uint8Array): Promise<AttemptOutcome> {
    const { job } = this
    if (this.#end === 'stopped') return this.outcome
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
   * Stops the attempt. The first reason counts. An answer whose verdict is known keeps it:
   * 1. at a shutdown whose grace is over, its connection is closed at once;
   * 2. otherwise it has a few seconds to end, so that its connection stays usable.
   * Returns false if the answer keeps its verdict, true if the attempt ends for this reason or an earlier one.
   */
  stop(reason: StopReason, limit?: string): boolean {
    if (this.#end === 'stopped') return true
    if (reason !== 'answer_too_large' && this.#finalVerdict !== null) {
      // 1.
      if (reason === 'shutting_down') this.#finish()
      // 2.
      else this.#expectEnd()
      return false
    }
    this.#settle(limit === undefined ? { kind: 'stopped', reason } : { kind: 'stopped', reason, limit })
    this.#exchange?.abort()
    return true
  }

  /** Treats the connection as lost: the target is silent, and new connections fail as well. */
  giveUp(message: string): void {
    this.#settle({ kind: 'lost', reached: true, message, verdict: this.#completion.verdict(true) })
    this.#exchange?.abort()
  }

  /** Passes on an answer that is held completely. Call it once the outcome is known to be final. */
  release(): void {
    this.#flow(this.#held.length)
  }

  get answerSoFar(): AnswerSoFar {
    const { change, chunks, count } = this.#records
    return { change, chunks: this.working ? chunks : [], records: count }
  }

  /** Returns what an async job leaves; undefined for a waiting call, or if no head came. `isWhole`: the job is done. */
  output(isWhole: boolean): JobOutput | undefined {
    if (this.job.caller === 'live' || this.#head === null) return undefined
    const { status } = this.#head
    const type = this.#header('content-type')
    // A content type that is cut is another type, so a longer one is dropped.
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
    this.#answer = { kind: 'held', head: { status, headers, reason } }
    if (isOk(status) && !this.#streamed) this.#begin()
  }

  data(chunk: Buffer): boolean {
    // Passed on before it is parsed, so that parsing adds no latency.
    const flowed = this.#answer.kind === 'flowing'
    const goesOn = !flowed || this.#pass(chunk)
    const ok = this.#read(chunk)
    if (!flowed) this.#hold(chunk, ok)
    if (ok) this.#boundEnd(chunk)
    return flowed ? goesOn : !this.paused
  }

  end(): void {
    const status = this.#head?.status ?? 0
    if (isOk(status)) {
      this.#completion.end()
      this.#settle({ kind: 'answered', verdict: this.#isEmpty ? INCOMPLETE : this.#completion.verdict() })
      return
    }
    const body = this.#errorStart.bytes.toString('utf8')
    this.#settle({ kind: 'http_error', status, body, retryAfter: this.#header('retry-after') })
  }

  lost(error: LostConnection): void {
    if (error.kind === 'protocol') return this.#settle({ kind: 'bad_answer', detail: error.message })
    const reached = error.kind !== 'unreached'
    this.#settle({ kind: 'lost', reached, message: error.message, verdict: this.#completion.verdict(true) })
  }

  get #head(): Head | null {
    return this.#answer.kind === 'waiting' ? null : this.#answer.head
  }

  /** Returns a header of the answer; null if it is missing. */
  #header(wanted: string): string | null {
    return this.#head?.headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? null
  }

  #settle(outcome: AttemptOutcome): void {
    if (this.#end !== 'stopped') this.#end = outcome.kind === 'stopped' ? 'stopped' : 'settled'
    this.#endTimer?.cancel()
    this.#resolve(outcome)
  }

  /** `length`: bytes of the body, if all of them are held. */
  #flow(length: number | null): void {
    if (this.#answer.kind !== 'held') return
    const { head } = this.#answer
    this.#answer = { kind: 'flowing', head }
    this.#parts.relay.head(this.job.id, head.status, head.headers, head.reason, length)
    if (this.#held.length > 0) this.#pass(this.#held.take())
  }

  #hold(chunk: Buffer, ok: boolean): void {
    // The head of a streamed answer is held until the first byte: if the connection is lost before that, the job is retried.
    if (ok && this.#streamed) {
      this.#flow(null)
      this.#pass(chunk)
      return
    }
    this.#held.add(chunk)
    if (this.#held.length > (ok ? MAX_HELD_ANSWER_BYTES : MAX_HELD_ERROR_BYTES)) this.#flow(null)
  }

  #pass(chunk: Buffer): boolean {
    const { clock, relay } = this.#parts
    if (relay.isHeard(this.job.id) && this.#listener === 'none') this.#listener = 'reading'
    const goesOn = relay.data(this.job.id, chunk, () => {
      this.#listener = 'reading'
      this.heardAt = clock.monotonic()
      this.#exchange?.resume()
    })
    if (!goesOn) this.#listener = 'paused'
    return goesOn
  }

  /** Returns false for a part of an HTTP error. */
  #read(chunk: Buffer): boolean {
    const isFirst = this.bytes === 0
    this.bytes += chunk.length
    this.heardAt = this.#parts.clock.monotonic()
    this.#parts.onBytes(chunk.length)
    const ok = this.#head !== null && isOk(this.#head.status)
    if (ok && isFirst && this.#streamed) this.#begin()
    this.#parse(chunk, ok)
    return ok
  }

  /** Parses the chunk for the verdict, for watchers and for what an async job leaves. */
  #parse(chunk: Buffer, ok: boolean): void {
    const isKept = this.job.caller === 'none'
    const { maxAnswer } = this.#parts
    const isTooLarge = isKept && this.bytes > maxAnswer
    // The answer is complete: bytes after its last record must not make it fail.
    if (isTooLarge && this.#end === 'ending') return
    if (isTooLarge) this.stop('answer_too_large', sizeText(maxAnswer))
    else if (ok) this.#completion.push(chunk)
    else if (isKept) this.#errorBody.add(chunk)
    if (!ok && this.#errorStart.length < MAX_HELD_ERROR_BYTES)
      this.#errorStart.add(chunk.subarray(0, MAX_HELD_ERROR_BYTES - this.#errorStart.length))
  }

  #begin(): void {
    this.working = true
    this.#parts.onFirstByte()
  }

  /** An empty 200 (Ollama sends it for an image of a model that makes none). A caller gets it; an async job would have no result. */
  get #isEmpty(): boolean {
    return this.bytes === 0 && this.job.caller === 'none'
  }

  /** The verdict, if nothing that follows can change it; otherwise null. */
  get #finalVerdict(): Verdict | null {
    if (this.#head === null || !isOk(this.#head.status)) return null
    const verdict = this.#completion.verdict(true)
    return verdict.kind === 'complete' || verdict.kind === 'error' ? verdict : null
  }

  /**
   * Limits the time between the last record and the end of the answer.
   * 1. A stream whose last record has come must end within the grace.
   * 2. Any other answer (a document, or a stream whose last line end is missing) is checked for a final verdict after each
   *    grace without a byte.
   */
  #boundEnd(chunk: Buffer): void {
    if (this.#end !== 'open') return
    // 1.
    if (this.#completion.isDecided) return this.#expectEnd()
    // 2.
    if (!chunk.some((byte) => byte > SPACE)) return
    this.#chunks += 1
    if (this.#endTimer === null) this.#checkEndLater()
  }

  #checkEndLater(): void {
    const seen = this.#chunks
    this.#endTimer = this.#parts.clock.after(END_GRACE_MS, () => {
      if (seen === this.#chunks && this.#finalVerdict !== null) this.#finish()
      else this.#checkEndLater()
    })
  }

  #expectEnd(): void {
    if (this.#end !== 'open') return
    this.#end = 'ending'
    this.#endTimer?.cancel()
    this.#endTimer = this.#parts.clock.after(END_GRACE_MS, () => this.#finish())
    this.#parts.relay.lastRecord(this.job.id)
  }

  /** The verdict is final, but the answer does not end: closes its connection. */
  #finish(): void {
    const verdict = this.#finalVerdict
    if (verdict === null) return
    this.#completion.end()
    this.#settle({ kind: 'answered', verdict })
    this.#exchange?.abort()
  }
}
