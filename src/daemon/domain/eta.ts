// Owns the guess when a waiting job will be sent, from what jobs and loads have taken lately. Pure: it is told what was
// measured and never looks at a clock. Where anything that it needs was not measured yet, it says nothing.

import { isResident, modelOfAffinity, type Residency } from './affinity.ts'
import type { QueuePosition } from './job.ts'

export interface RunTimes {
  /** A job is done. `loadMs`: what its model took to load, where it was loaded for it; `runMs` is without that. */
  learn(affinity: string, runMs: number, loadMs: number | null): void
  /** Milliseconds until a job with this queuePosition is likely to be sent; null: not known. */
  waitMs(
    queuePosition: QueuePosition,
    affinity: string,
    residency: Residency,
    running: RunningNow | null,
  ): number | null
}

/** The job at the target. */
export interface RunningNow {
  readonly affinity: string
  /** Since it was sent. */
  readonly runningMs: number
}

/** A caller chooses the runner options, so there is no end of affinities. */
const MAX_AFFINITIES = 300

/** What the last measurement weighs. */
const WEIGHT = 0.2

export function createRunTimes(): RunTimes {
  const runs = new Averages()
  const runsOfModel = new Averages()
  const loads = new Averages()
  // Another context length changes how long an answer takes less than another model does.
  const runOf = (affinity: string): number | null => runs.get(affinity) ?? runsOfModel.get(modelOfAffinity(affinity))

  function remainder({ affinity, runningMs }: RunningNow): number | null {
    const run = runOf(affinity)
    // A job that runs longer than jobs of its kind take may end at any moment: an estimate that vanished then said less.
    return run === null ? null : Math.max(0, run - Math.max(0, runningMs))
  }

  /** A group that has nothing ahead of the job costs nothing: its load comes when the job itself is sent. */
  function groupMs({ affinity, jobs }: QueuePosition['ahead'][number], residency: Residency): number | null {
    if (jobs === 0) return 0
    const run = runOf(affinity)
    const load = isResident(affinity, residency) ? 0 : loads.get(affinity)
    return run === null || load === null ? null : load + jobs * run
  }

  return {
    learn(affinity, runMs, loadMs) {
      runs.learn(affinity, runMs)
      runsOfModel.learn(modelOfAffinity(affinity), runMs)
      if (loadMs !== null) loads.learn(affinity, loadMs)
    },
    waitMs({ ahead }, _affinity, residency, running) {
      const parts = ahead.map((group) => groupMs(group, residency))
      if (running !== null) parts.push(remainder(running))
      return parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0)
    },
  }
}

/** Of the names that were heard of last. */
class Averages {
  readonly #values = new Map<string, number>()

  get(name: string): number | null {
    return this.#values.get(name) ?? null
  }

  learn(name: string, ms: number): void {
    if (!(ms >= 0 && Number.isFinite(ms))) return
    const before = this.#values.get(name)
    this.#values.delete(name)
    this.#values.set(name, before === undefined ? ms : (1 - WEIGHT) * before + WEIGHT * ms)
    if (this.#values.size <= MAX_AFFINITIES) return
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest)
      return
    }
  }
}
