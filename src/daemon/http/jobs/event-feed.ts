// Owns what a watcher hears of a run: kept while he is still being told what is past, then handed on as it comes. It takes
// everything at once and holds no more than a bound, so that nobody who looks on slows a run.

import type { AnswerRecord } from '../../domain/answer.ts'
import type { Changed, Watcher } from '../../runtime/relay.ts'
import { type EventFrame, sharedChange, sharedRecord } from './event-frame.ts'
import { type EventWriter, MAX_BACKLOG_BYTES } from './event-writer.ts'

export class EventFeed implements Watcher {
  readonly #writer: EventWriter
  readonly #after: number
  readonly #onBroken: (error: unknown) => void
  /** Null: he is up to date. */
  #kept: EventFrame[] | null = []
  #keptBytes = 0

  constructor(writer: EventWriter, after: number, onBroken: (error: unknown) => void) {
    this.#writer = writer
    this.#after = after
    this.#onBroken = onBroken
  }

  /** Number of the first event that is kept; null while nothing was heard. */
  get first(): number | null {
    return this.#kept?.[0]?.number ?? null
  }

  changed(change: Changed): void {
    this.#guarded(() => this.#take(sharedChange(change)))
  }

  record(number: number, record: AnswerRecord): void {
    if (number > this.#after && !this.#writer.isOver) this.#guarded(() => this.#take(sharedRecord(number, record)))
  }

  /** He gets what was said until now, and resumes at the next start. */
  stopped(): void {
    this.#writer.cut()
  }

  /** What is past has been told: what was kept follows, then what comes. Resolves when he is up to date, or gone. */
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

  /** Whoever tells of a run must hear of no error. */
  #guarded(take: () => void): void {
    try {
      take()
    } catch (error) {
      this.#onBroken(error)
    }
  }
}
