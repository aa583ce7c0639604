// Owns the guess when a waiting job will be sent, from what jobs and loads have taken lately. Pure: it is told what was
// measured and never looks at a clock. Where anything that it needs was not measured yet, it says nothing.

import type { Residency } from './affinity.ts'
import type { Standing } from './job.ts'

export interface RunTimes {
  /** A job is done. `loadMs`: what its model took to load, where it was loaded for it. */
  learn(affinity: string, runMs: number, loadMs: number | null): void
  /** Milliseconds until a job with this standing is likely to be sent; null: not known. */
  waitMs(standing: Standing, affinity: string, residency: Residency, running: RunningNow | null): number | null
}

/** The job at the target. */
export interface RunningNow {
  readonly affinity: string
  /** Since it was sent. */
  readonly runningMs: number
}
