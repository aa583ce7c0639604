// Counters of predicted and actual model loads: they show wrong predictions. Pure.

/**
 * A native answer says how long its load took: at least 260 ms for a model of 600 KB, and 3 to 10 ms if it was loaded
 * already (0.17.4 and 0.34.4, two cores).
 */
const MIN_LOAD_MS = 100

/** Counts over the runs whose answer reports its load, which are those on native endpoints. */
export class LoadCounters {
  /** Claimed as not resident. */
  predicted = 0
  /** Loaded by the target. */
  happened = 0
  /** Loaded, although claimed as resident. */
  unforeseen = 0

  /** Returns whether the target loaded its model; null if the answer does not say. */
  count(isPredicted: boolean, loadMs: number | null): boolean | null {
    if (loadMs === null) return null
    const loaded = loadMs >= MIN_LOAD_MS
    if (isPredicted) this.predicted += 1
    if (loaded) this.happened += 1
    if (loaded && !isPredicted) this.unforeseen += 1
    return loaded
  }
}

/** The waiting jobs of a model, for GET /status. */
export interface Backlog {
  /** Normalised: `x` and `x:latest` are one model. */
  readonly model: string
  readonly jobs: number
  /** `createdAt` of its oldest waiting job, wall ms. */
  readonly oldestAt: number
}

/** Swaps since the start, and those that a first-in-first-out queue would have made for the same jobs. */
export interface SwapCount {
  readonly swaps: number
  readonly fifoSwaps: number
}
