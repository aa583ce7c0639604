// Answer to one waiting call on the wire: held back, then committed, kept alive by heartbeats, streamed, ended or cut. Except for
// foreman's own errors it sends only the target's statuses, and it never passes a truncated answer off as whole.

import type { ServerResponse } from 'node:http'
import { ERRORS, type ErrorCode } from '../../../protocol/error.ts'
import type { AnswerHeaders } from '../../domain/answer.ts'
import { targetErrorText } from '../../domain/attempt.ts'
import { type AnswerForm, answerForm, contentTypeOf, type Dialect, ENDPOINTS } from '../../domain/endpoint.ts'
import type { Submission } from '../../domain/job.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { RunEnding, Subscriber } from '../../runtime/relay.ts'
import { GrowableBuffer } from '../../text/growable-buffer.ts'
import { beat, errorRecord } from '../error-body.ts'
import { sendError } from '../respond.ts'
import { SlowReader } from '../slow-reader.ts'
import { hasErrorEvent } from './stream-error.ts'

export interface LiveAnswerParts {
  readonly clock: Clock
  readonly res: ServerResponse
  readonly submission: Submission
  readonly jobId: string
  /** FOREMAN_HEARTBEAT, ms; 0 = never answer before the target does. */
  readonly heartbeatMs: number
  /** FOREMAN_CLIENT_STALL, ms. */
  readonly clientStallMs: number
  /** The target is known to be unreachable: the 200 is put off, so that the end of the grace is a true 502. */
  readonly isUnreachable: () => boolean
  /** The target's version, for the words of errors. */
  readonly version: () => string
  /** The caller can take bytes again. */
  readonly onDrained: () => void
}

/** Bytes of an error, which came too late for a status, that are read for its text. */
const MAX_LATE_ERROR_BYTES = 64 * 1024

const NOTHING = Buffer.alloc(0)

/** Headers of the target that never reach a caller of a queued route: the framing is foreman's, and so are these names. */
const isOwn = (name: string): boolean => /^(content-length|x-accel-buffering|x-foreman-.*)$/i.test(name)

const LF = 0x0a
const CR = 0x0d

/** Whether a record ends with these bytes: a line of NDJSON, or the blank line of an event, which may be cut in the middle. */
function endsRecord(form: AnswerForm, before: Buffer, chunk: Buffer): boolean {
  const fromEnd = (place: number) => (place <= chunk.length ? chunk.at(-place) : before.at(chunk.length - place))
  if (fromEnd(1) !== LF || form !== 'sse') return fromEnd(1) === LF
  return fromEnd(2) === LF || (fromEnd(2) === CR && fromEnd(3) === LF)
}

export class LiveAnswer implements Subscriber {
  readonly #parts: LiveAnswerParts
  readonly #dialect: Dialect
  readonly #form: AnswerForm
  #timer: Timer | null = null
  readonly #reader: SlowReader
  /** The head has been sent, by the target or by the commit. */
  #committed = false
  /** Bytes of the target have been sent. */
  #flowing = false
  /** The bytes of the target end where a record ends, so that a beat may follow. */
  #betweenRecords = true
  /** The last record has been sent: only the end follows, and no heartbeat. */
  #isWhole = false
  /** When the last byte went out: a silence inside a stream is measured from here. Clock.monotonic(). */
  #writtenAt = 0
  #last: Buffer = NOTHING
  /** The target's error, if the 200 has been sent already. */
  #late: { readonly status: number; readonly body: GrowableBuffer } | null = null
  #over = false
  /** The hold has lasted the heartbeat at least once. */
  #overdue = false

  constructor(parts: LiveAnswerParts) {
    this.#parts = parts
    const { endpoint, stream, loadOnly } = parts.submission
    this.#dialect = ENDPOINTS[endpoint].dialect
    this.#form = answerForm(endpoint, stream, loadOnly)
    this.#reader = new SlowReader(parts.clock, parts.res, parts.clientStallMs)
    parts.res.on('drain', () => {
      this.#reader.stop()
      parts.onDrained()
    })
    this.#armBeat()
  }

  /** The target is back: a hold that has lasted the heartbeat commits now. */
  targetIsBack(): void {
    if (this.#overdue && !this.#committed) this.#beat()
  }

  head(status: number, headers: AnswerHeaders, reason: string, length: number | null): void {
    if (this.#over) return
    if (status !== 200 || this.#form === 'json') this.#stopBeating()
    if (this.#committed) {
      if (status !== 200) this.#late = { status, body: new GrowableBuffer() }
      return
    }
    this.#committed = true
    const flat: string[] = []
    for (const [name, value] of headers) if (!isOwn(name)) flat.push(name, value)
    if (status === 200 && this.#form !== 'json') flat.push('X-Accel-Buffering', 'no')
    // Counted by foreman: the length that the target declares is never passed on.
    if (length !== null) flat.push('Content-Length', String(length))
    flat.push('X-Foreman-Job-Id', this.#parts.jobId)
    this.#parts.res.writeHead(status, reason, flat)
  }

  data(chunk: Buffer): boolean {
    if (this.#over) return true
    if (this.#late !== null) {
      const { body } = this.#late
      if (body.length < MAX_LATE_ERROR_BYTES) body.add(chunk.subarray(0, MAX_LATE_ERROR_BYTES - body.length))
      return true
    }
    this.#flowing = true
    this.#note(chunk)
    if (this.#write(chunk)) return true
    this.#reader.watch()
    return false
  }

  lastRecord(): void {
    this.#isWhole = true
  }

  #note(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#writtenAt = this.#parts.clock.monotonic()
    this.#betweenRecords = endsRecord(this.#form, this.#last, chunk)
    this.#last = chunk
  }

  /** Writes in one system call, now: Node would wait for the end of the tick, in case another chunk comes. */
  #write(chunk: Buffer): boolean {
    const { res } = this.#parts
    const { socket } = res
    socket?.cork()
    const goesOn = res.write(chunk)
    socket?.uncork()
    return goesOn
  }

  ended(ending: RunEnding): void {
    if (this.#over) return
    if (ending.kind === 'completed' || (ending.kind === 'answered' && this.#late === null)) {
      this.close()
      this.#parts.res.end()
      return this.#reader.watchToTheEnd()
    }
    if (ending.kind === 'answered' && this.#late !== null) {
      const { status, body } = this.#late
      const text = targetErrorText(body.bytes.toString('utf8')) ?? ending.error.message
      return this.#failLate(status, text, ending.error.code)
    }
    if (ending.kind === 'failed') {
      if (ending.recorded && this.#flowing && this.#hasToldError()) return this.#cut(null)
      const { status } = ERRORS[ending.error.code]
      this.fail(ending.error.code, ending.error.message, ending.error.status ?? status ?? 502)
    }
  }

  /** Ends the answer with an error of foreman's own: a status before the commit, a record and the cut after it. */
  fail(code: ErrorCode, message: string, status: number = ERRORS[code].status ?? 500, retryAfter?: number): void {
    if (this.#over) return
    if (this.#committed) return this.#failLate(status, message, code)
    this.close()
    const { res, jobId, version } = this.#parts
    res.setHeader('X-Foreman-Job-Id', jobId)
    const error = { status, message, code, ...(retryAfter === undefined ? {} : { retryAfter }) }
    sendError(res, this.#dialect, error, version())
  }

  /** Stops heartbeats and timers; nothing more is written. Safe twice. */
  close(): void {
    this.#over = true
    this.#stopBeating()
    this.#reader.stop()
  }

  #failLate(status: number, message: string, code: ErrorCode): void {
    const record = errorRecord(this.#dialect, this.#form, status, message, code)
    // A record must begin on a line of its own, and an event behind a blank one, whatever was cut in the middle.
    const end = this.#form === 'sse' ? '\n\n' : '\n'
    const isBroken = this.#flowing && !this.#betweenRecords
    this.#cut(isBroken && record.length > 0 ? Buffer.concat([Buffer.from(end), record]) : record)
  }

  /** Whether the bytes sent so far hold the target's error in a form that clients of this surface recognise. */
  #hasToldError(): boolean {
    return this.#form !== 'sse' || hasErrorEvent(this.#dialect, this.#last)
  }

  #cut(record: Buffer | null): void {
    this.close()
    const { res } = this.#parts
    // Destroyed only once the record is handed over: with destroy() right after write() it arrived in 0 of 50 runs,
    // in the write's callback in 50 of 50.
    const last = record !== null && record.length > 0
    if (!last && res.writableLength === 0) return void res.destroy()
    res.write(last ? record : '', () => res.destroy())
    this.#reader.watchToTheEnd()
  }

  #armBeat(): void {
    const { clock, heartbeatMs } = this.#parts
    if (heartbeatMs === 0) return
    const silentMs = this.#flowing ? clock.monotonic() - this.#writtenAt : 0
    this.#timer = clock.after(silentMs < heartbeatMs ? heartbeatMs - silentMs : heartbeatMs, () => this.#beat())
  }

  /**
   * Whether a beat may go out now.
   * 1. Before the first byte of the target: always.
   * 2. After its last record: never, a client would read a line of white space as one more record.
   * 3. Inside a stream: between two records, if nothing was written for the heartbeat.
   */
  get #mayBeat(): boolean {
    if (!this.#flowing) return true
    const { clock, heartbeatMs } = this.#parts
    return !this.#isWhole && this.#betweenRecords && clock.monotonic() - this.#writtenAt >= heartbeatMs
  }

  #beat(): void {
    this.#timer?.cancel()
    this.#overdue = true
    const { res, isUnreachable, jobId } = this.#parts
    if (!this.#committed && !isUnreachable()) {
      this.#committed = true
      res.writeHead(200, {
        'Content-Type': contentTypeOf(this.#form, this.#dialect),
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        'X-Foreman-Job-Id': jobId,
      })
    }
    if (this.#committed && !res.writableNeedDrain && this.#mayBeat) res.write(beat(this.#dialect, this.#form))
    this.#armBeat()
  }

  #stopBeating(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
