// Estimate of when a waiting job will be sent, from recent run and load times. Pure: measured times are arguments, and
// it reads no clock. It returns null if a time that it needs has not been measured yet.

import { BoundedMap } from '../text/bounded-map.ts'
import { isResident, modelOfAffinity, type Residency } from './affinity.ts'
import type { QueuePosition } from './job.ts'

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

export class RunTimes {
  readonly #runs = new Averages()
  readonly #runsOfModel = new Averages()
  readonly #loads = new Averages()
  readonly #all = new Averages()

  /** How long recent jobs took, load time included, ms; null before the first. */
  get recentMs(): number | null {
    return this.#all.of('')
  }

  /**
   * A job has completed. `loadMs`: the load time of its model, null if it was loaded already; `runMs` does not include
   * it.
   */
  learn(affinity: string, runMs: number, loadMs: number | null): void {
    this.#all.learn('', runMs + (loadMs ?? 0))
    this.#runs.learn(affinity, runMs)
    this.#runsOfModel.learn(modelOfAffinity(affinity), runMs)
    if (loadMs !== null) this.#loads.learn(affinity, loadMs)
  }

  /** Milliseconds until a job at this position is likely to be sent; null if unknown. */
  waitMs({ ahead }: QueuePosition, residency: Residency, running: RunningNow | null): number | null {
    const parts = ahead.map((group) => this.#groupMs(group, residency))
    if (running !== null) parts.push(this.#remainder(running))
    return parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0)
  }

  /** A different context length changes the run time less than a different model does. */
  #runOf(affinity: string): number | null {
    return this.#runs.of(affinity) ?? this.#runsOfModel.of(modelOfAffinity(affinity))
  }

  #remainder({ affinity, runningMs }: RunningNow): number | null {
    const run = this.#runOf(affinity)
    // A job that runs longer than its average may end at any moment. The estimate must not vanish then.
    return run === null ? null : Math.max(0, run - Math.max(0, runningMs))
  }

  /** A group without jobs ahead costs nothing: its load time comes when the job itself is sent. */
  #groupMs({ affinity, jobs }: QueuePosition['ahead'][number], residency: Residency): number | null {
    if (jobs === 0) return 0
    const run = this.#runOf(affinity)
    const load = isResident(affinity, residency) ? 0 : this.#loads.of(affinity)
    return run === null || load === null ? null : load + jobs * run
  }
}

/** Moving averages by name, for the names that were used last. */
class Averages extends BoundedMap<string, number> {
  constructor() {
    super(MAX_AFFINITIES)
  }

  of(name: string): number | null {
    return this.get(name) ?? null
  }

  learn(name: string, ms: number): void {
    if (!(ms >= 0 && Number.isFinite(ms))) return
    const before = this.get(name)
    this.set(name, before === undefined ? ms : (1 - WEIGHT) * before + WEIGHT * ms)
  }
}
