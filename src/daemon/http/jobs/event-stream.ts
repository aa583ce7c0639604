// Event stream of one watcher. Live events are kept while stored ones are still being sent, then written as they come: framed,
// with rising numbers and heartbeats. It never blocks the run, and ends cleanly only after the job's last event.

import type { ServerResponse } from 'node:http'
import type { Config } from '../../config/options.ts'
import type { AnswerRecord } from '../../domain/endpoint.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { Changed, Watcher } from '../../runtime/relay.ts'
import { reasonPhrase } from '../error-body.ts'
import { SlowReader, writeSlowly } from '../slow-reader.ts'
import { type EventForm, type EventFrame, joinFrames, sharedChange, sharedRecord } from './event-frame.ts'

/** A watcher that is further behind the run is disconnected, and can resume from what it has. */
export const MAX_BACKLOG_BYTES = 1024 * 1024

/** The longest silence that the documentation promises to clients of an event stream. */
const HEARTBEAT_MS = 15_000

interface EventStreamParts {
  readonly clock: Clock
  readonly config: Pick<Config, 'heartbeatMs' | 'clientStallMs'>
  readonly res: ServerResponse
  readonly jobId: string
  readonly form: EventForm
  /** Only events with a higher number are written. */
  readonly after: number
  /** Called once, when nothing more will be written. */
  readonly onOver: () => void
  /** Called with an error that must not reach the code that runs the job. */
  readonly onBroken: (error: unknown) => void
}

const TYPES: Readonly<Record<EventForm, string>> = {
  ndjson: 'application/x-ndjson',
  sse: 'text/event-stream; charset=utf-8',
}
const BEATS: Readonly<Record<EventForm, string>> = { ndjson: ' ', sse: ': waiting\n\n' }

export class EventStream implements Watcher {
  readonly #parts: EventStreamParts
  /** At most 15 s, also if FOREMAN_HEARTBEAT is 0 or longer. */
  readonly #beatMs: number
  readonly #reader: SlowReader
  readonly #onDrain: () => void
  #last: number
  #timer: Timer | null = null
  #wroteAt: number
  #isBehind = false
  /** Live events that came while stored ones were being sent; null once the watcher is up to date. */
  #kept: EventFrame[] | null = []
  #keptBytes = 0
  /** Frames of this turn of the event loop that are not written yet. */
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #over = false

  constructor(parts: EventStreamParts) {
    this.#parts = parts
    const { clock, config, res, after } = parts
    this.#beatMs = Math.min(config.heartbeatMs || HEARTBEAT_MS, HEARTBEAT_MS)
    this.#reader = new SlowReader(clock, res, config.clientStallMs)
    this.#last = after
    this.#wroteAt = clock.monotonic()
    this.#onDrain = () => {
      this.#isBehind = false
      this.#reader.stop()
    }
  }

  /** Number of the first live event that is kept. Returns null if none is. */
  get firstKept(): number | null {
    return this.#kept?.[0]?.number ?? null
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
    if (this.#isOver) return false
    const { res, form, clock } = this.#parts
    const frames = Buffer.concat(events.filter((event) => this.#isNew(event)).map((event) => event.frame(form)))
    if (frames.length === 0) return true
    this.#wroteAt = clock.monotonic()
    return (await writeSlowly(res, frames, this.#reader)) && !this.#isOver
  }

  /** Writes the kept events after the stored ones. Resolves when the watcher is up to date or has disconnected. */
  async catchUp(): Promise<void> {
    while (this.#kept !== null && this.#kept.length > 0 && !this.#isOver) {
      const kept = this.#kept
      this.#kept = []
      this.#keptBytes = 0
      if ((await this.replay(kept)) && kept.at(-1)?.isLast === true) this.end()
    }
    this.#kept = null
  }

  changed(change: Changed): void {
    this.#guarded(() => this.#take(sharedChange(change)))
  }

  record(number: number, record: AnswerRecord): void {
    if (number > this.#last && !this.#isOver) this.#guarded(() => this.#take(sharedRecord(number, record)))
  }

  /** foreman stops: the watcher gets the events so far and resumes after the next start. */
  stopped(): void {
    this.#cut()
  }

  /** Ends the stream after the job's last event. */
  end(): void {
    if (this.#isOver) return
    this.#flush()
    this.close()
    this.#parts.res.end()
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

  /** Whether nothing more can be written. */
  get #isOver(): boolean {
    return this.#over || this.#parts.res.destroyed
  }

  #guarded(take: () => void): void {
    try {
      take()
    } catch (error) {
      this.#parts.onBroken(error)
    }
  }

  /** Keeps a live event or writes it. A record that does not fit the backlog cuts the stream; one is taken into an empty one. */
  #take(event: EventFrame): void {
    if (this.#isOver || (this.#kept === null && !this.#isNew(event))) return
    const { res, form } = this.#parts
    const frame = event.frame(form)
    const behind = this.#kept === null ? res.writableLength + this.#gatheredBytes : this.#keptBytes
    if (event.type === 'record' && behind > 0 && behind + frame.length > MAX_BACKLOG_BYTES) {
      if (this.#kept !== null) this.#kept = []
      return this.#cut()
    }
    if (this.#kept !== null) {
      this.#kept.push(event)
      this.#keptBytes += frame.length
      return
    }
    if (this.#gathered.push(frame) === 1) setImmediate(() => this.#flush())
    this.#gatheredBytes += frame.length
    if (event.isLast) this.end()
  }

  /** Writes the frames of one turn of the event loop. With a write per record, 100 watchers slowed a run 3.5 times. */
  #flush(): void {
    const frames = this.#gathered
    if (frames.length === 0 || this.#isOver) return
    this.#gathered = []
    this.#gatheredBytes = 0
    const { res, clock } = this.#parts
    this.#wroteAt = clock.monotonic()
    if (res.write(joinFrames(frames)) || this.#isBehind) return
    this.#isBehind = true
    res.once('drain', this.#onDrain)
    this.#reader.watch()
  }

  /** Cuts the connection after what was written, because this is not the job's last event. */
  #cut(): void {
    if (this.#isOver) return
    this.#flush()
    this.close()
    const { res } = this.#parts
    if (res.writableLength === 0) return void res.destroy()
    // Destroyed in the callback of the write: what was written before it is sent by then (see live-answer.ts).
    res.write('', () => res.destroy())
    this.#reader.watchToTheEnd()
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
    if (isDue && !res.writableNeedDrain && !this.#isOver) {
      this.#wroteAt = clock.monotonic()
      res.write(BEATS[form])
    }
    this.#timer = clock.after(isDue ? this.#beatMs : Math.max(1, this.#beatMs - silentMs), () => this.#beat())
  }
}
