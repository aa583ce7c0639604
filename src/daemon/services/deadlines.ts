// Deadlines of jobs: ends each job whose `start_before` or `finish_before` has passed. The store says which jobs are overdue;
// the dispatcher ends them.

import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { WorkLoop } from '../runtime/wakeup.ts'
import type { Overdue, Store } from '../sqlite/store.ts'
import { formatDuration } from '../text/grammar.ts'

const MAX_OVERDUE_JOBS = 100
/** Deadlines are wall times. The wall clock may jump, or run on while this machine sleeps, so they are checked this often. */
const AT_LEAST_EVERY_MS = 60_000
/** After a check that failed, or that found only jobs that are being ended already. */
const AGAIN_MS = 1_000

export interface DeadlinesParts {
  readonly clock: Clock
  readonly log: Log
  readonly store: Pick<Store, 'overdue'>
  readonly dispatcher: {
    /** @param limit the duration that the caller gave, in words */
    endOverdue(id: string, code: Overdue['code'], limit: string): Promise<unknown>
  }
}

export class Deadlines {
  readonly #parts: DeadlinesParts
  readonly #loop: WorkLoop

  constructor(parts: DeadlinesParts) {
    const { clock, log } = parts
    this.#parts = parts
    this.#loop = new WorkLoop({ clock, log, name: 'deadlines', retryMs: AGAIN_MS, work: () => this.#check() })
  }

  /** Resolves when jobs that became overdue during the downtime are ended. Call it before the first claim. */
  async start(): Promise<void> {
    await this.#loop.turn()
    this.#loop.start()
  }

  /** Call it when a job with a deadline was added. */
  wake(): void {
    this.#loop.wake()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  /** Ends overdue jobs, then sets the timer for the next deadline. */
  async #check(): Promise<void> {
    const { clock, store } = this.#parts
    const asked = new Set<string>()
    for (;;) {
      const { overdue, nextAt } = await store.overdue(clock.now(), MAX_OVERDUE_JOBS)
      const fresh = overdue.filter(({ id }) => !asked.has(id))
      for (const job of fresh) {
        asked.add(job.id)
        await this.#end(job)
      }
      if (this.#loop.isStopping) return
      if (overdue.length > 0 && fresh.length > 0) continue
      // Jobs that were asked to end are still there: a running job takes a moment to stop.
      if (overdue.length > 0) return this.#loop.wakeIn(AGAIN_MS)
      if (nextAt === null) return
      const inMs = nextAt - clock.now()
      return this.#loop.wakeIn(inMs <= 0 ? AGAIN_MS : Math.min(inMs, AT_LEAST_EVERY_MS))
    }
  }

  async #end({ id, code, limitMs }: Overdue): Promise<void> {
    const { log, dispatcher } = this.#parts
    try {
      await dispatcher.endOverdue(id, code, formatDuration(limitMs))
      log.info({ job: id, code }, 'a deadline has passed')
    } catch (error) {
      log.error({ err: error, job: id }, 'an overdue job could not be ended; trying again')
    }
  }
}
