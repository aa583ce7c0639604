// Interface between the daemon and its store, with its errors. The files that have an operation have its data types. The
// implementation is thread.ts. Expected outcomes are values; a rejected promise means that the store is broken or closed.

import type { Turn } from '../domain/affinity.ts'
import type { Depth, NewJob, QueueLimits } from '../domain/job.ts'
import type { SwapCount } from '../domain/load-counters.ts'
import type { OperationArgs, OperationResult, STORE_OPERATIONS } from './operations.ts'
import type { EnqueueResult } from './queueing.ts'

export type { ClaimRequest } from './claimable.ts'
export type { Overdue } from './deadlines.ts'
export type { DeliveryRequest, DeliverySettlement, DueDelivery } from './deliveries.ts'
export type { JobFilter } from './job-list.ts'
export type { JobChange, PastRun } from './jobs.ts'
export type { QueueState } from './queue-state.ts'
export type { ClaimResult, RetryResult } from './queueing.ts'
export type { QueueView } from './reading.ts'

/** One method for each row of STORE_OPERATIONS. With `keyof` written here, "go to definition" leads to the row and its comment. */
export type StoreOperations = {
  readonly [Name in keyof typeof STORE_OPERATIONS]: (...args: OperationArgs<Name>) => Promise<OperationResult<Name>>
}

/** The store as the daemon sees it. Its operations are the rows of operations.ts, and are answered as those say. */
export interface Store extends Omit<StoreOperations, 'enqueue'> {
  /** Waiting jobs and their bodies, including those being enqueued right now. Read without a round trip. */
  readonly depth: Depth
  readonly swaps: SwapCount
  /**
   * Adds a job. Answered when the row is on disk (caller none), or as soon as it is committed, unsynced (caller live). With
   * `residency` the answer has the position of the new job: a separate read would cost as much again.
   */
  enqueue(job: NewJob, limits: QueueLimits, residency?: Turn): Promise<EnqueueResult>
  /** Makes a consistent copy of the database beside it, while jobs go on. The caller deletes it. One at a time. */
  backup(): Promise<BackupResult>
  /** Checks that the database is still the file that was opened; if not, `onFatal` is called. */
  checkFiles(): void
  /** Writes what is outstanding and closes the file. A second call does nothing. */
  close(): Promise<void>
}

/** `full`: the disk is too full for a copy. */
export type BackupResult = { readonly kind: 'made'; readonly path: string } | { readonly kind: 'full' }

export interface StoreOptions {
  /** The database file. `:memory:` is not allowed: an in-memory queue would lose its jobs. */
  readonly path: string
  /**
   * Called once when the outcome of a commit is unknown or the file is broken, after all unanswered operations were rejected.
   * Later operations are rejected too. The daemon must stop admitting and exit 70. Recovery at the next start finds out what
   * was saved.
   */
  readonly onFatal: (error: Error) => void
  /** Called when the disk becomes full, and when it has room again. Meanwhile running jobs go on, but none is admitted. */
  readonly onStorageFull?: (full: boolean) => void
}

/** Rejection of every operation after the store was closed or has failed. */
export class StoreError extends Error {
  /** `unknown`: the operation was posted; the next start shows whether it took place. `none`: it did not take place. */
  readonly outcome: 'unknown' | 'none'
  constructor(outcome: 'unknown' | 'none', message: string) {
    super(message)
    this.name = 'StoreError'
    this.outcome = outcome
  }
}

/** Why a store could not be opened. `in_use` exits with 75, the others with 70. */
export type OpenFailure = 'in_use' | 'newer' | 'foreign' | 'corrupt' | 'unusable'

export class StoreOpenError extends Error {
  readonly reason: OpenFailure
  constructor(reason: OpenFailure, message: string) {
    super(message)
    this.name = 'StoreOpenError'
    this.reason = reason
  }
}
