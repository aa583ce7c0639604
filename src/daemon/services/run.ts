// Owns one attempt: the job's request at the target, the bytes that come back, and when they may reach a listener. It
// says what happened (an Outcome); what becomes of the job is attempt.ts's to decide and the store's to write.

import { INCOMPLETE } from '../answer/answer-record.ts'
import { createMarker, type Marker } from '../answer/terminal-marker.ts'
import type { Outcome, StopReason } from '../attempt.ts'
import type { Clock } from '../clock.ts'
import { sizeText } from '../config/grammar.ts'
import { answerForm } from '../endpoint.ts'
import type { Job } from '../job.ts'
import type { Relay } from '../relay.ts'
import type { Remains } from '../store/store.ts'
import type { AnswerHeaders, AnswerSink, Exchange, LostConnection, Target } from '../target/target.ts'
import { RunRecords } from './run-records.ts'

/** What of an unstreamed answer is held back until its verdict is known: a cut or a lie is then still an honest 502. */
const HELD_ANSWER = 8 * 1024 * 1024
/** What of an HTTP error is held back until it is known whether it is final. */
const HELD_ERROR = 64 * 1024

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

export interface RunParts {
  readonly clock: Clock
  readonly target: Target
  readonly relay: Relay
  /** FOREMAN_MAX_ANSWER, bytes, for a job whose answer is kept. */
  readonly maxAnswer: number
  readonly onFirstByte: () => void
  readonly onBytes: (count: number) => void
}

const isOk = (status: number): boolean => status >= 200 && status < 300

export class Run implements AnswerSink {
  readonly job: Job
  readonly outcome: Promise<Outcome>
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

  readonly #parts: RunParts
  readonly #marker: Marker
  readonly #streamed: boolean
  readonly #settle: (outcome: Outcome) => void
  #exchange: Exchange | null = null
  #head: { status: number; headers: AnswerHeaders; reason: string } | null = null
  #flowing = false
  #held: Buffer[] = []
  /** Of an async job. */
  readonly #errorBody: Buffer[] = []
  #heldBytes = 0
  readonly #records: RunRecords
  #stopped: { reason: StopReason; limit?: string } | null = null

  constructor(job: Job, parts: RunParts) {
    this.job = job
    this.#parts = parts
    this.#streamed = answerForm(job.endpoint, job.stream, job.loadOnly) !== 'json'
    this.#marker = createMarker(job.endpoint, this.#streamed)
    this.#records = new RunRecords(job, this.#streamed, parts.relay)
    this.startedAt = parts.clock.monotonic()
    this.heardAt = this.startedAt
    this.working = job.state === 'working'
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    this.outcome = promise
    this.#settle = resolve
  }

  get measured() {
    return this.#marker.measured()
  }

  /** Sends it. Resolves when the answer has ended or its socket is gone. */
  async send(body: Uint8Array): Promise<Outcome> {
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

  /** Ends the attempt from our side: the target's socket is destroyed at once. The first reason counts. */
  stop(reason: StopReason, limit?: string): void {
    if (this.#stopped !== null) return
    this.#stopped = limit === undefined ? { reason } : { reason, limit }
    this.#settle({ kind: 'stopped', ...this.#stopped })
    this.#exchange?.abort()
  }

  /** Given up for lost: silent, and new connections fail as well. */
  giveUp(message: string): void {
    this.#settle({ kind: 'lost', reached: true, message, verdict: this.#marker.verdict(true) })
    this.#exchange?.abort()
  }

  /** Passes on what was held back. Called once the outcome is known to be final. */
  release(): void {
    if (this.#flowing || this.#head === null) return
    this.#flowing = true
    const { status, headers, reason } = this.#head
    this.#parts.relay.head(this.job.id, status, headers, reason)
    for (const chunk of this.#held) this.#pass(chunk)
    this.#held = []
  }

  /** Of an async job. */
  get answerSoFar(): AnswerSoFar {
    const { change, chunks, count } = this.#records
    return { change, chunks: this.working ? chunks : [], records: count }
  }

  /** What an async job leaves; undefined for a blocked call, or where nothing came. `isWhole`: it is done. */
  remains(isWhole: boolean): Remains | undefined {
    if (this.job.caller === 'live' || this.#head === null) return undefined
    const { status } = this.#head
    const contentType = this.#header('content-type')
    if (isOk(status)) return this.#records.remains(contentType, isWhole)
    const body = Uint8Array.from(Buffer.concat(this.#errorBody))
    const artifacts =
      body.length === 0
        ? []
        : [{ name: 'response', contentType: contentType ?? 'application/octet-stream', body } as const]
    return { artifacts, result: null, responseIsResult: false }
  }

  head(status: number, headers: AnswerHeaders, reason: string): void {
    this.#head = { status, headers, reason }
    this.heardAt = this.#parts.clock.monotonic()
    if (isOk(status) && !this.#streamed) this.#begin()
  }

  data(chunk: Buffer): boolean {
    // What flows goes on before it is read along: nobody waits for our reading.
    const flowed = this.#flowing
    const goesOn = !flowed || this.#pass(chunk)
    const ok = this.#readAlong(chunk)
    if (flowed) return goesOn
    // A streamed answer flows from its first byte; its head waited for it, so that a cut in between can be tried again.
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    const cap = ok ? (this.#streamed ? 0 : HELD_ANSWER) : HELD_ERROR
    if (this.#heldBytes > cap) this.release()
    return !this.paused
  }

  /** False: it is part of an error. */
  #readAlong(chunk: Buffer): boolean {
    const isFirst = this.bytes === 0
    this.bytes += chunk.length
    this.heardAt = this.#parts.clock.monotonic()
    this.#parts.onBytes(chunk.length)
    const ok = this.#head !== null && isOk(this.#head.status)
    if (ok) this.#marker.push(chunk)
    if (ok && isFirst && this.#streamed) this.#begin()
    this.#note(chunk, ok)
    return ok
  }

  end(): void {
    const status = this.#head?.status ?? 0
    if (isOk(status)) this.#records.end()
    if (isOk(status)) this.#settle({ kind: 'answered', verdict: this.#isEmpty ? INCOMPLETE : this.#marker.verdict() })
    else {
      const body = Buffer.concat(this.#held).toString('utf8')
      this.#settle({ kind: 'http_error', status, body, retryAfter: this.#header('retry-after') })
    }
  }

  /** A 200 with nothing in it (Ollama for a picture of a model that makes none): a caller gets it, a job would have nothing. */
  get #isEmpty(): boolean {
    return this.bytes === 0 && this.job.caller === 'none'
  }

  lost(error: LostConnection): void {
    if (error.kind === 'protocol') return this.#settle({ kind: 'bad_answer', detail: error.message })
    const reached = error.kind !== 'unreached'
    this.#settle({ kind: 'lost', reached, message: error.message, verdict: this.#marker.verdict(true) })
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

  /** For watchers, and for what an async job leaves. */
  #note(chunk: Buffer, ok: boolean): void {
    const isKept = this.job.caller === 'none'
    const { maxAnswer } = this.#parts
    if (isKept && this.bytes > maxAnswer) this.stop('answer_too_large', sizeText(maxAnswer))
    else if (ok) this.#records.push(chunk)
    else if (isKept) this.#errorBody.push(chunk)
  }
}
