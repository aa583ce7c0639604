// Answer of one waiting call on the wire: held, committed by a heartbeat, streamed, ended or cut. A status is the target's or
// that of an error of foreman, and a truncated answer is never ended as if it were whole.

import type { ServerResponse } from 'node:http'
import { ERRORS, type ErrorCode } from '../../../protocol/error.ts'
import type { Config } from '../../config/options.ts'
import { targetErrorText } from '../../domain/attempt.ts'
import type { AnswerHeaders } from '../../domain/endpoint.ts'
import { type AnswerForm, answerForm, contentTypeOf, type Dialect, ENDPOINTS } from '../../domain/endpoint.ts'
import type { Submission } from '../../domain/job.ts'
import type { Timer } from '../../runtime/clock.ts'
import type { RunEnding, Subscriber } from '../../runtime/relay.ts'
import { GrowableBuffer } from '../../text/byte-buffers.ts'
import { beat, errorRecord, hasErrorEvent } from '../error-body.ts'
import { type ErrorContext, refuse } from '../respond.ts'
import { SlowReader } from '../slow-reader.ts'

interface LiveAnswerParts extends ErrorContext {
  readonly config: Pick<Config, 'heartbeatMs' | 'clientStallMs'>
  readonly res: ServerResponse
  readonly submission: Submission
  readonly jobId: string
  /** Called when the caller can take bytes again. */
  readonly onDrained: () => void
  /** Called when the run has ended, before the answer is. */
  readonly onEnded: () => void
}

/** How much is read of an error that came too late for its status. */
const MAX_LATE_ERROR_BYTES = 64 * 1024

/** Headers of the target that are not passed on: foreman does the framing, and these names are its own. */
const isOwn = (name: string): boolean => /^(content-length|x-accel-buffering|x-foreman-.*)$/i.test(name)

const LF = 0x0a
const CR = 0x0d

/** Whether a record ends with these bytes: a line of NDJSON, or the blank line of an event, which two chunks may share. */
function endsRecord(form: AnswerForm, before: Buffer, chunk: Buffer): boolean {
  const fromEnd = (place: number) => (place <= chunk.length ? chunk.at(-place) : before.at(chunk.length - place))
  if (fromEnd(1) !== LF || form !== 'sse') return fromEnd(1) === LF
  return fromEnd(2) === LF || (fromEnd(2) === CR && fromEnd(3) === LF)
}

/** What has been sent. Each state is entered from those above it. */
type SentState =
  /** Nothing. `isOverdue`: for at least one heartbeat. */
  | { readonly kind: 'held'; isOverdue: boolean }
  /** The head, from the target or with the first heartbeat, but no byte of the target's body. */
  | { readonly kind: 'committed' }
  /** The 200 of a heartbeat; then the target answered with an error, which is collected here. */
  | { readonly kind: 'late_error'; readonly status: number; readonly body: GrowableBuffer }
  | Flowing
  /** Nothing more is sent. */
  | { readonly kind: 'over' }

/** Bytes of the target's body. */
interface Flowing {
  readonly kind: 'flowing'
  last: Buffer
  /** When `last` was sent, by Clock.monotonic(): a silence inside a stream is measured from here. */
  writtenAt: number
  /** Whether the bytes end where a record ends, so that a heartbeat may follow. */
  isBetweenRecords: boolean
  /** Whether the last record is sent: only the end follows, and no heartbeat. */
  isWhole: boolean
}

const FLOWING: Flowing = {
  kind: 'flowing',
  last: Buffer.alloc(0),
  writtenAt: 0,
  isBetweenRecords: true,
  isWhole: false,
}

export class LiveAnswer implements Subscriber {
  readonly #parts: LiveAnswerParts
  readonly #dialect: Dialect
  readonly #form: AnswerForm
  #timer: Timer | null = null
  readonly #reader: SlowReader
  #state: SentState = { kind: 'held', isOverdue: false }

  constructor(parts: LiveAnswerParts) {
    this.#parts = parts
    const { endpoint, stream, loadOnly } = parts.submission
    this.#dialect = ENDPOINTS[endpoint].dialect
    this.#form = answerForm(endpoint, stream, loadOnly)
    this.#reader = new SlowReader(parts.clock, parts.res, parts.config.clientStallMs)
    parts.res.on('drain', () => {
      this.#reader.stop()
      parts.onDrained()
    })
    this.#armBeat()
  }

  /** The target is reachable again: an overdue answer is committed now. */
  targetIsBack(): void {
    if (this.#state.kind === 'held' && this.#state.isOverdue) this.#beat()
  }

  head(status: number, headers: AnswerHeaders, reason: string, length: number | null): void {
    if (this.#state.kind === 'over') return
    if (status !== 200 || this.#form === 'json') this.#stopBeating()
    if (this.#state.kind !== 'held') {
      if (status !== 200) this.#state = { kind: 'late_error', status, body: new GrowableBuffer() }
      return
    }
    this.#state = { kind: 'committed' }
    const flat: string[] = []
    for (const [name, value] of headers) if (!isOwn(name)) flat.push(name, value)
    if (status === 200 && this.#form !== 'json') flat.push('X-Accel-Buffering', 'no')
    // Counted by foreman: the length that the target declares is not passed on.
    if (length !== null) flat.push('Content-Length', String(length))
    flat.push('X-Foreman-Job-Id', this.#parts.jobId)
    this.#parts.res.writeHead(status, reason, flat)
  }

  data(chunk: Buffer): boolean {
    if (this.#state.kind === 'over') return true
    if (this.#state.kind === 'late_error') {
      const { body } = this.#state
      if (body.length < MAX_LATE_ERROR_BYTES) body.add(chunk.subarray(0, MAX_LATE_ERROR_BYTES - body.length))
      return true
    }
    if (this.#state.kind !== 'flowing') this.#state = { ...FLOWING }
    this.#note(this.#state, chunk)
    if (this.#write(chunk)) return true
    this.#reader.watch()
    return false
  }

  lastRecord(): void {
    if (this.#state.kind === 'flowing') this.#state.isWhole = true
  }

  #note(state: Flowing, chunk: Buffer): void {
    if (chunk.length === 0) return
    state.writtenAt = this.#parts.clock.monotonic()
    state.isBetweenRecords = endsRecord(this.#form, state.last, chunk)
    state.last = chunk
  }

  /** Writes in one system call, now. Node would wait for the end of the tick, in case another chunk comes. */
  #write(chunk: Buffer): boolean {
    const { res } = this.#parts
    const { socket } = res
    socket?.cork()
    const goesOn = res.write(chunk)
    socket?.uncork()
    return goesOn
  }

  ended(ending: RunEnding): void {
    this.#parts.onEnded()
    const state = this.#state
    if (state.kind === 'over') return
    if (ending.kind === 'completed' || (ending.kind === 'answered' && state.kind !== 'late_error')) {
      this.close()
      this.#parts.res.end()
      return this.#reader.watchToTheEnd()
    }
    if (ending.kind === 'answered' && state.kind === 'late_error') {
      const { status, body } = state
      const text = targetErrorText(body.bytes.toString('utf8')) ?? ending.error.message
      return this.#failLate(status, text, ending.error.code)
    }
    if (ending.kind === 'failed') {
      if (ending.recorded && state.kind === 'flowing' && this.#hasSentError(state)) return this.#cut(null)
      const { status } = ERRORS[ending.error.code]
      this.fail(ending.error.code, ending.error.message, ending.error.status ?? status ?? 502)
    }
  }

  /** Ends the answer with an error of foreman: a status before the commit, an error record and a cut after it. */
  fail(code: ErrorCode, message: string, status: number = ERRORS[code].status ?? 500): void {
    if (this.#state.kind === 'over') return
    if (this.#state.kind !== 'held') return this.#failLate(status, message, code)
    this.close()
    const { res, jobId } = this.#parts
    res.setHeader('X-Foreman-Job-Id', jobId)
    refuse(this.#parts, res, this.#dialect, { status, message, code })
  }

  /** Ends heartbeats and timers; nothing more is written. Safe to call twice. */
  close(): void {
    this.#state = { kind: 'over' }
    this.#stopBeating()
    this.#reader.stop()
  }

  #failLate(status: number, message: string, code: ErrorCode): void {
    const record = errorRecord(this.#dialect, this.#form, status, message, code)
    // A record must begin on a line of its own, and an event after a blank line, even if a record was cut in the middle.
    const end = this.#form === 'sse' ? '\n\n' : '\n'
    const isBroken = this.#state.kind === 'flowing' && !this.#state.isBetweenRecords
    this.#cut(isBroken && record.length > 0 ? Buffer.concat([Buffer.from(end), record]) : record)
  }

  /** Whether the bytes sent hold the target's own error, in a form that the clients of this surface recognise. */
  #hasSentError({ last }: Flowing): boolean {
    return this.#form !== 'sse' || hasErrorEvent(this.#dialect, last)
  }

  #cut(record: Buffer | null): void {
    this.close()
    const { res } = this.#parts
    // Destroyed in the callback of the write: the record then arrived in 50 of 50 runs, and with destroy() right after
    // write() in 0 of 50.
    const last = record !== null && record.length > 0
    if (!last && res.writableLength === 0) return void res.destroy()
    res.write(last ? record : '', () => res.destroy())
    this.#reader.watchToTheEnd()
  }

  #armBeat(): void {
    const { clock, config } = this.#parts
    const { heartbeatMs } = config
    if (heartbeatMs === 0) return
    const silentMs = this.#state.kind === 'flowing' ? clock.monotonic() - this.#state.writtenAt : 0
    this.#timer = clock.after(silentMs < heartbeatMs ? heartbeatMs - silentMs : heartbeatMs, () => this.#beat())
  }

  /**
   * Whether a heartbeat may be sent now:
   * 1. Before the first byte of the target: always.
   * 2. After its last record: never. A client would read a line of white space as one more record.
   * 3. Inside a stream: between two records, if nothing was written for the heartbeat's interval.
   */
  get #mayBeat(): boolean {
    const state = this.#state
    // (1)
    if (state.kind !== 'flowing') return true
    // (2)
    if (state.isWhole) return false
    // (3)
    const { clock, config } = this.#parts
    return state.isBetweenRecords && clock.monotonic() - state.writtenAt >= config.heartbeatMs
  }

  #beat(): void {
    this.#timer?.cancel()
    if (this.#state.kind === 'held') this.#state.isOverdue = true
    const { res, prober, jobId } = this.#parts
    // While the target is unreachable the 200 waits, so that the end of the grace is a true 502.
    if (this.#state.kind === 'held' && prober.status.reachable !== false) {
      this.#state = { kind: 'committed' }
      res.writeHead(200, {
        'Content-Type': contentTypeOf(this.#form, this.#dialect),
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        'X-Foreman-Job-Id': jobId,
      })
    }
    if (this.#state.kind !== 'held' && !res.writableNeedDrain && this.#mayBeat)
      res.write(beat(this.#dialect, this.#form))
    this.#armBeat()
  }

  #stopBeating(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
