// Live events for one watcher: kept while the stored events are still being sent, then passed on as they come. It never
// blocks the run, and keeps no more than a limit.

import type { AnswerRecord } from '../../domain/endpoint.ts'
import type { Changed, Watcher } from '../../runtime/relay.ts'
import { type EventFrame, sharedChange, sharedRecord } from './event-frame.ts'
import { type EventWriter, MAX_BACKLOG_BYTES } from './event-writer.ts'

export class EventFeed implements Watcher {
  readonly #writer: EventWriter
  readonly #after: number
  readonly #onBroken: (error: unknown) => void
  /** Events that came while stored ones were being sent; null once the watcher is up to date. */
  #kept: EventFrame[] | null = []
  #keptBytes = 0

  constructor(writer: EventWriter, after: number, onBroken: (error: unknown) => void) {
    this.#writer = writer
    this.#after = after
    this.#onBroken = onBroken
  }

  /** Number of the first event that is kept. Returns null if none is. */
  get first(): number | null {
    return this.#kept?.[0]?.number ?? null
  }

  changed(change: Changed): void {
    this.#guarded(() => this.#take(sharedChange(change)))
  }

  record(number: number, record: AnswerRecord): void {
    if (number > this.#after && !this.#writer.isOver) this.#guarded(() => this.#take(sharedRecord(number, record)))
  }

  /** foreman stops: the watcher gets the events so far and resumes after the next start. */
  stopped(): void {
    this.#writer.cut()
  }

  /** Sends the kept events after the stored ones. Resolves when the watcher is up to date or has disconnected. */
  async catchUp(): Promise<void> {
    while (this.#kept !== null && this.#kept.length > 0 && !this.#writer.isOver) {
      const kept = this.#kept
      this.#kept = []
      this.#keptBytes = 0
      const isOver = kept.at(-1)?.isLast === true
      if ((await this.#writer.replay(kept)) && isOver) this.#writer.end()
    }
    this.#kept = null
  }

  #take(told: EventFrame): void {
    if (this.#writer.isOver) return
    if (this.#kept === null) {
      this.#writer.tell(told)
      if (told.isLast) this.#writer.end()
      return
    }
    const { length } = told.frame(this.#writer.form)
    if (told.type === 'record' && this.#keptBytes > 0 && this.#keptBytes + length > MAX_BACKLOG_BYTES) {
      this.#kept = []
      this.#writer.cut()
    } else {
      this.#kept.push(told)
      this.#keptBytes += length
    }
  }

  /** An error here must not reach the code that runs the job. */
  #guarded(take: () => void): void {
    try {
      take()
    } catch (error) {
      this.#onBroken(error)
    }
  }
}
