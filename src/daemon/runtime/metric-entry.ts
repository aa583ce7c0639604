// Types of the rows in the metrics table, and of the values that a row may read.

import type { Backlog, SwapCount } from '../domain/load-counters.ts'
import type { TargetStatus } from '../domain/target-status.ts'

/**
 * The values of a label: a list if the set is closed, else a description. All values of a closed set are exposed from
 * the start.
 */
export type LabelValues = readonly string[] | string

/** Sources of values that are read at each scrape instead of being counted. */
export interface Readings {
  readonly clock: { now(): number }
  readonly store: {
    readonly depth: { readonly jobs: number; readonly bytes: number }
    readonly swaps: SwapCount
    backlog(): Promise<readonly Backlog[]>
    pendingDeliveries(): Promise<number>
  }
  readonly prober: { readonly status: TargetStatus; readonly slotsTooFew: boolean }
  readonly dispatcher: {
    readonly paused: boolean
    readonly running: { readonly job: { readonly claimedAt: number | null } } | null
  }
  readonly live: { readonly waiting: number }
  readonly disk: { readonly full: boolean; readonly freeBytes: number | null; readonly databaseBytes: number | null }
  readonly config: { readonly minFree: number }
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

export interface MetricEntry {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** Text of `# HELP`. */
  readonly help: string
  readonly labels?: Readonly<Record<string, LabelValues>>
  readonly buckets?: readonly number[]
  /** When to look at it. */
  readonly look: string
  /**
   * Reads the value at each scrape. `modelLabel` turns a model name into a label. Returns an empty list if the value is
   * unknown.
   */
  readonly read?: (
    readings: Readings,
    modelLabel: (model: string) => string,
  ) => readonly Sample[] | Promise<readonly Sample[]>
}
