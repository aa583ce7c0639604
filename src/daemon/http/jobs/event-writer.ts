// Event stream of one watcher on the wire: framing, rising numbers, heartbeats, and the limit of its backlog. It never blocks
// the run, and ends cleanly only after a job's last event.

import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { reasonPhrase } from '../error-body.ts'
import { SlowReader, writeSlowly } from '../slow-reader.ts'
import { type EventFrame, joinFrames } from './event-frame.ts'
import type { EventForm } from './event-request.ts'

/** A watcher that is further behind the run is disconnected, and can resume from what it has. */
export const MAX_BACKLOG_BYTES = 1024 * 1024

/** The longest silence that the documentation promises to clients of an event stream. */
const HEARTBEAT_MS = 15_000

export interface EventWriterParts {
  readonly clock: Clock
  readonly res: ServerResponse
  readonly jobId: string
  readonly form: EventForm
  /** Only events with a higher number are written. */
  readonly after: number
  /** FOREMAN_HEARTBEAT, ms. 15 s is used if it is 0 or longer. */
  readonly heartbeatMs: number
  /** FOREMAN_CLIENT_STALL, ms. */
  readonly clientStallMs: number
  /** Called once, when nothing more will be written. */
  readonly onOver: () => void
}

const TYPES: Readonly<Record<EventForm, string>> = {
  ndjson: 'application/x-ndjson',
  sse: 'text/event-stream; charset=utf-8',
}
const BEATS: Readonly<Record<EventForm, string>> = { ndjson: ' ', sse: ': waiting\n\n' }

export class EventWriter {
  readonly #parts: EventWriterParts
  readonly #beatMs: number
  readonly #reader: SlowReader
  readonly #onDrain: () => void
  #last: number
  #timer: Timer | null = null
  #wroteAt: number
  #isBehind = false
  /** Frames of this turn of the event loop that are not written yet. */
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #over = false

  constructor(parts: EventWriterParts) {
    this.#parts = parts
    this.#beatMs = Math.min(parts.heartbeatMs || HEARTBEAT_MS, HEARTBEAT_MS)
    this.#reader = new SlowReader(parts.clock, parts.res, parts.clientStallMs)
    this.#last = parts.after
    this.#wroteAt = parts.clock.monotonic()
    this.#onDrain = () => {
      this.#isBehind = false
      this.#reader.stop()
    }
  }

  get form(): EventForm {
    return this.#parts.form
  }

  /** Whether nothing more can be written. */
  get isOver(): boolean {
    return this.#over || this.#parts.res.destroyed
  }

  begin(): void {
    const { res, form, jobId, clock } = this.#parts
    res.writeHead(200, reasonPhrase(200), {
      'Content-Type': TYPES[form],
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
      'X-Foreman-Job-Id': jobId,
    })
    res.flushHeaders()
    this.#timer = clock.after(this.#beatMs, () => this.#beat())
  }

  /** Writes stored events, no faster than the watcher reads. Returns false if nothing more can be written. */
  async replay(events: readonly EventFrame[]): Promise<boolean> {
    if (this.isOver) return false
    const frames = Buffer.concat(
      events.filter((event) => this.#isNew(event)).map((event) => event.frame(this.#parts.form)),
    )
    if (frames.length === 0) return true
    this.#wroteAt = this.#parts.clock.monotonic()
    return (await writeSlowly(this.#parts.res, frames, this.#reader)) && !this.isOver
  }

  /** Writes a live event. The limit counts the event itself, unless the watcher has no backlog: one large record is sent. */
  tell(event: EventFrame): void {
    if (this.isOver || !this.#isNew(event)) return
    const { res, form } = this.#parts
    const frame = event.frame(form)
    const behind = res.writableLength + this.#gatheredBytes
    if (event.type === 'record' && behind > 0 && behind + frame.length > MAX_BACKLOG_BYTES) return this.cut()
    if (this.#gathered.push(frame) === 1) setImmediate(() => this.#flush())
    this.#gatheredBytes += frame.length
  }

  /** Writes the frames of one turn of the event loop. With a write per record, 100 watchers slowed a run 3.5 times. */
  #flush(): void {
    const frames = this.#gathered
    if (frames.length === 0 || this.isOver) return
    this.#gathered = []
    this.#gatheredBytes = 0
    const { res, clock } = this.#parts
    this.#wroteAt = clock.monotonic()
    if (res.write(joinFrames(frames)) || this.#isBehind) return
    this.#isBehind = true
    res.once('drain', this.#onDrain)
    this.#reader.watch()
  }

  /** Ends the stream after the job's last event. */
  end(): void {
    if (this.isOver) return
    this.#flush()
    this.close()
    this.#parts.res.end()
    this.#reader.watchToTheEnd()
  }

  /** Cuts the connection after what was written, because this is not the job's last event. */
  cut(): void {
    if (this.isOver) return
    this.#flush()
    this.close()
    const { res } = this.#parts
    if (res.writableLength === 0) return void res.destroy()
    // Destroyed in the callback of the write: what was written before it is sent by then (see live-answer.ts).
    res.write('', () => res.destroy())
    this.#reader.watchToTheEnd()
  }

  /** Removes the timer and the listener. Safe to call twice. */
  close(): void {
    if (!this.#over) this.#parts.onOver()
    this.#over = true
    this.#timer?.cancel()
    this.#timer = null
    this.#reader.stop()
    this.#parts.res.off('drain', this.#onDrain)
  }

  /** Returns whether the watcher does not have the event yet, and counts it as written. */
  #isNew({ number }: EventFrame): boolean {
    if (number <= this.#last) return false
    this.#last = number
    return true
  }

  #beat(): void {
    const { clock, res, form } = this.#parts
    const silentMs = clock.monotonic() - this.#wroteAt
    const isDue = silentMs >= this.#beatMs && this.#gathered.length === 0
    if (isDue && !res.writableNeedDrain && !this.isOver) {
      this.#wroteAt = clock.monotonic()
      res.write(BEATS[form])
    }
    this.#timer = clock.after(isDue ? this.#beatMs : Math.max(1, this.#beatMs - silentMs), () => this.#beat())
  }
}
