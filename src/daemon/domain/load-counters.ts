// Counts of loads that were predicted and of loads that happened, so that a wrong prediction shows. Pure.

/**
 * A native answer tells how long its load took: 260 ms and more for a model of 600 KB, and 3 to 10 ms if it was loaded already
 * (0.17.4 and 0.34.4, two cores).
 */
const MIN_LOAD_MS = 100

/** Of the runs whose answer tells of its load: those on the native endpoints. */
export interface LoadCounts {
  /** Claimed as cold. */
  readonly predicted: number
  /** Loaded by the target. */
  readonly happened: number
  /** Loaded, although claimed as resident. */
  readonly unforeseen: number
}

/** Returns null if the answer does not tell. */
export const hasLoaded = (loadMs: number | null): boolean | null => (loadMs === null ? null : loadMs >= MIN_LOAD_MS)

export class LoadCounters implements LoadCounts {
  predicted = 0
  happened = 0
  unforeseen = 0

  count(isPredicted: boolean, loadMs: number | null): void {
    const loaded = hasLoaded(loadMs)
    if (loaded === null) return
    if (isPredicted) this.predicted += 1
    if (loaded) this.happened += 1
    if (loaded && !isPredicted) this.unforeseen += 1
  }
}

/** What a model has waiting, for GET /status. */
export interface Backlog {
  /** Normalised: `x` and `x:latest` are one. */
  readonly model: string
  readonly jobs: number
  /** createdAt of its oldest waiting job, wall ms. */
  readonly oldestAt: number
}

/** Swaps made, and those that a plain first-in-first-out queue would have made for the same jobs, since the start. */
export interface SwapCount {
  readonly swaps: number
  readonly fifoSwaps: number
}
