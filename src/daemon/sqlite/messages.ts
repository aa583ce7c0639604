// Messages between the main thread and the store's thread. They are plain values that survive a structured clone.

import type { Depth } from '../domain/job.ts'
import type { SwapCount } from '../domain/load-counters.ts'
import type { OperationName, StoreOperation } from './operations.ts'
import type { BackupResult, OpenFailure } from './store.ts'
import type { Durability } from './tables.ts'

/** An operation in the mailbox. */
export interface Ticket {
  readonly number: number
  readonly operation: StoreOperation
}

export type OperationOutcome =
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly message: string }

export interface Answered {
  readonly number: number
  readonly outcome: OperationOutcome
}

export interface Commit {
  readonly durability: Durability
  /** `PRAGMA synchronous` as SQLite read it back: 1 NORMAL, 2 FULL. */
  readonly synchronous: number
  readonly operations: readonly OperationName[]
}

export type ToStore =
  | { readonly kind: 'tickets'; readonly tickets: readonly Ticket[] }
  /** Checks that the files are still those that were opened; if not, the store is broken. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'backup' }
  | { readonly kind: 'close' }

export type FromStore =
  | { readonly kind: 'opened'; readonly depth: Depth }
  | { readonly kind: 'refused'; readonly reason: OpenFailure; readonly message: string }
  | {
      readonly kind: 'answers'
      readonly answers: readonly Answered[]
      readonly depth: Depth
      readonly swaps: SwapCount
    }
  | { readonly kind: 'committed'; readonly commit: Commit }
  | { readonly kind: 'storage'; readonly full: boolean }
  | { readonly kind: 'backedUp'; readonly outcome: BackupResult | { readonly kind: 'error'; readonly message: string } }
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'closed' }

/** Start data of the store's thread. */
export interface StoreThreadData {
  readonly path: string
  readonly reportCommits: boolean
  readonly maxPages: number | null
}
