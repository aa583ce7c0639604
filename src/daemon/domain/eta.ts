// Estimate of when a waiting job will be sent, from recent run and load times. Pure: measured times are arguments, and
// it reads no clock. It returns null if a time that it needs has not been measured yet.

import { BoundedMap } from '../text/bounded-map.ts'
import { isResident, modelOfAffinity, type Residency } from './affinity.ts'
import type { QueuePosition } from './job.ts'

export interface RunTimes {
  /** How long recent jobs took, load time included, ms; null before the first. */
  readonly recentMs: number | null
  /**
   * A job has completed. `loadMs`: the load time of its model, null if it was loaded already; `runMs` does not include
   * it.
   */
  learn(affinity: string, runMs: number, loadMs: number | null): void
  /** Milliseconds until a job at this position is likely to be sent; null if unknown. */
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
  /** Time since it was sent. */
  readonly runningMs: number
}

/** Callers choose the runner options, so the number of affinities has no bound. */
const MAX_AFFINITIES = 300

/** Weight of the last measurement. */
const WEIGHT = 0.2

export function createRunTimes(): RunTimes {
  const runs = new Averages()
  const runsOfModel = new Averages()
  const loads = new Averages()
  const all = new Averages()
  // A different context length changes the run time less than a different model does.
  const runOf = (affinity: string): number | null => runs.get(affinity) ?? runsOfModel.get(modelOfAffinity(affinity))

  function remainder({ affinity, runningMs }: RunningNow): number | null {
    const run = runOf(affinity)
    // A job that runs longer than its average may end at any moment. The estimate must not vanish then.
    return run === null ? null : Math.max(0, run - Math.max(0, runningMs))
  }

  /** A group without jobs ahead costs nothing: its load time comes when the job itself is sent. */
  function groupMs({ affinity, jobs }: QueuePosition['ahead'][number], residency: Residency): number | null {
    if (jobs === 0) return 0
    const run = runOf(affinity)
    const load = isResident(affinity, residency) ? 0 : loads.get(affinity)
    return run === null || load === null ? null : load + jobs * run
  }

  return {
    get recentMs() {
      return all.get('')
    },
    learn(affinity, runMs, loadMs) {
      all.learn('', runMs + (loadMs ?? 0))
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

/** Moving averages by name, for the names that were used last. */
class Averages {
  readonly #values = new BoundedMap<string, number>(MAX_AFFINITIES)

  get(name: string): number | null {
    return this.#values.get(name) ?? null
  }

  learn(name: string, ms: number): void {
    if (!(ms >= 0 && Number.isFinite(ms))) return
    const before = this.#values.get(name)
    this.#values.set(name, before === undefined ? ms : (1 - WEIGHT) * before + WEIGHT * ms)
  }
}
