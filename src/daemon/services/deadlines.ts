// Owns the deadlines of jobs: when `start_before` or `finish_before` has passed, the job is ended. It looks when the next
// one falls due and decides nothing: which are overdue is the store's word, how a job ends the dispatcher's.

import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { Wakeup } from '../runtime/wakeup.ts'
import type { Overdue, Store } from '../sqlite/store.ts'
import { formatDuration } from '../text/grammar.ts'

const MAX_OVERDUE_JOBS = 100
/** Deadlines are of the wall clock, which may jump, or go on while this machine sleeps: it looks at least this often. */
const AT_LEAST_EVERY_MS = 60_000
/** After a look that failed, or found only what is on its way out. */
const AGAIN_MS = 1_000

export interface DeadlinesParts {
  readonly clock: Clock
  readonly log: Log
  readonly store: Pick<Store, 'overdue'>
  readonly dispatcher: {
    /** @param limit the wish, in words */
    endOverdue(id: string, code: Overdue['code'], limit: string): Promise<unknown>
  }
}

export class Deadlines {
  readonly #parts: DeadlinesParts
  readonly #wakeup: Wakeup
  #loop: Promise<void> | null = null
  #stopped = false

  constructor(parts: DeadlinesParts) {
    this.#parts = parts
    this.#wakeup = new Wakeup(parts.clock)
  }

  /** Resolves when what fell due while nobody looked is ended: before the first claim, or it would be sent after all. */
  async start(): Promise<void> {
    if (this.#loop !== null) return
    await this.#look()
    this.#loop = this.#forEver()
  }

  /** There may be an earlier deadline than was known. */
  wake(): void {
    this.#wakeup.wake()
  }

  /** Safe twice. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#wakeup.wake()
    await this.#loop
  }

  async #forEver(): Promise<void> {
    while (!this.#stopped) {
      await this.#wakeup.wait()
      if (!this.#stopped) await this.#look()
    }
  }

  /** Ends what is overdue and sets the clock for what comes next. Never rejects. */
  async #look(): Promise<void> {
    const { clock, log, store } = this.#parts
    try {
      const asked = new Set<string>()
      for (;;) {
        const { overdue, nextAt } = await store.overdue(clock.now(), MAX_OVERDUE_JOBS)
        const fresh = overdue.filter(({ id }) => !asked.has(id))
        for (const job of fresh) {
          asked.add(job.id)
          await this.#end(job)
        }
        if (this.#stopped) return
        if (overdue.length > 0 && fresh.length > 0) continue
        // What was asked to end is still there: a run that stops takes its moment.
        if (overdue.length > 0) return this.#wakeup.wakeIn(AGAIN_MS)
        if (nextAt === null) return
        const inMs = nextAt - clock.now()
        return this.#wakeup.wakeIn(inMs <= 0 ? AGAIN_MS : Math.min(inMs, AT_LEAST_EVERY_MS))
      }
    } catch (error) {
      log.error({ err: error }, 'deadlines could not be looked at; tried again')
      this.#wakeup.wakeIn(AGAIN_MS)
    }
  }

  async #end({ id, code, limitMs }: Overdue): Promise<void> {
    const { log, dispatcher } = this.#parts
    try {
      await dispatcher.endOverdue(id, code, formatDuration(limitMs))
      log.info({ job: id, code }, 'a deadline has passed')
    } catch (error) {
      log.error({ err: error, job: id }, 'a job whose deadline has passed could not be ended; tried again')
    }
  }
}
