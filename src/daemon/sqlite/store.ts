// Interface between the daemon and its store: the operations' data types and errors. It has no SQLite code; the
// implementation is thread.ts. Expected outcomes are values; a rejected promise means that the store is broken or closed.

import type { Residency, Turn } from '../domain/affinity.ts'
import type { JobOutput } from '../domain/artifact.ts'
import type { DeliveryVerdict } from '../domain/delivery.ts'
import type { OldestJob } from '../domain/drain-order.ts'
import type {
  Depth,
  EventName,
  Job,
  JobError,
  Measured,
  NewJob,
  QueueLimits,
  QueuePosition,
  State,
  StateChange,
} from '../domain/job.ts'
import type { SwapCount } from '../domain/load-counters.ts'
import type { Pause } from '../domain/pause.ts'
import type { OperationArgs, OperationResult, STORE_OPERATIONS } from './operations.ts'

export interface ClaimRequest {
  /** Wall ms. */
  readonly now: number
  /** The queue's awake clock, ms. */
  readonly awake: number
  readonly residency: Residency
  /** FOREMAN_DRAIN_LIMIT, ms; 0 = none. */
  readonly drainLimitMs: number
}

export type ClaimResult =
  | { readonly kind: 'claimed'; readonly job: Job; readonly body: Uint8Array<ArrayBuffer>; readonly swapped: boolean }
  /**
   * Nothing can be sent now. `availableAt` is when to claim again: at the end of the first backoff (wall ms), or in a second
   * if the disk is full. Null if neither applies.
   */
  | { readonly kind: 'empty'; readonly availableAt: number | null; readonly isStorageFull?: true }

export interface JobFilter {
  readonly state: State | null
  /** The normalised model name. */
  readonly model: string | null
  readonly label: string | null
  readonly limit: number
  /** Sequence of the last job of the previous page; null starts with the newest job. */
  readonly before: number | null
}

/** A webhook that is due, with the data for its payload. */
export interface DueDelivery {
  readonly change: StateChange
  readonly url: string
  /** `host:port` of `url`. Deliveries to one receiver share a limit. */
  readonly receiver: string
  /** Tries before this one. */
  readonly tries: number
  readonly jobId: string
}

export interface DeliveryRequest {
  readonly now: number
  readonly limit: number
  /** Receivers to skip. */
  readonly except: readonly string[]
  /** Jobs whose delivery is in flight. */
  readonly underWay: readonly string[]
}

/** A check of the outbox after the wall clock may have been set back. */
export interface DeliveryRecall {
  readonly now: number
  /** By how much the wall clock was set back; 0 if unknown. */
  readonly setBackMs: number
}

/** `nextAt` is when the next delivery is due (wall ms); null if none is pending beside those of `except` and `underWay`. */
export interface DueDeliveries {
  readonly due: readonly DueDelivery[]
  readonly nextAt: number | null
}

/** The outcome of one try of a delivery. */
export interface DeliverySettlement {
  readonly jobId: string
  readonly n: number
  readonly now: number
  readonly verdict: DeliveryVerdict
}

/** A copy of a finished job to be put in the queue. */
export interface Retry {
  readonly of: string
  readonly id: string
  readonly now: number
  readonly awake: number
}

export type RetryResult =
  | EnqueueResult
  | { readonly kind: 'unknown' }
  | { readonly kind: 'active'; readonly state: State }
  | { readonly kind: 'body_gone' }

export type DeleteResult =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'active'; readonly state: State }

/** A job whose deadline has passed. */
export interface Overdue {
  readonly id: string
  readonly code: 'start_before_passed' | 'finish_before_passed'
  /** The deadline that the caller set, ms. */
  readonly limitMs: number
}

/** `nextAt` is the next deadline (wall ms); null if no job has one. */
export interface OverdueJobs {
  readonly overdue: readonly Overdue[]
  readonly nextAt: number | null
}

export interface JobChange {
  readonly id: string
  readonly event: Exclude<EventName, 'claimed_cold' | 'claimed_warm'>
  readonly now: number
  /** For an event that puts the job back in the queue: it is not claimed before then (wall ms). */
  readonly availableAt?: number
  /** Required by every change to failed or cancelled. */
  readonly error?: JobError
  readonly measured?: Measured
  /** Set for the final change of an async job. */
  readonly output?: JobOutput
}

/** `conflict`: the job is missing, or not in a state that the event may leave. Nothing was changed. */
export type ApplyResult =
  | { readonly kind: 'applied'; readonly job: Job; readonly previous: State }
  | { readonly kind: 'conflict' }

export type EnqueueResult =
  /** `queuePosition` is null if the caller passed no `residency`. */
  | { readonly kind: 'enqueued'; readonly job: Job; readonly queuePosition: QueuePosition | null }
  /** The key is known; `job` is its job. */
  | { readonly kind: 'replayed'; readonly job: Job }
  /** The key is known, but belongs to another endpoint or body. */
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'queue_full' }
  | { readonly kind: 'storage_full' }

/** The queue as a whole, for GET /status. */
export interface QueueView {
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
  /** When the last swap was, wall ms; null if unknown. */
  readonly swappedAt: number | null
  /** The oldest job that can be claimed; null if there are none. */
  readonly oldest: OldestJob | null
  /** The oldest waiting job of each model, orphans included. */
  readonly firsts: readonly {
    readonly model: string
    readonly job: Job
    readonly queuePosition: QueuePosition | null
  }[]
}

/** How long a finished job took, ms. */
export interface PastRun {
  readonly affinity: string
  /** From its last claim to its end, its load included. */
  readonly ms: number
  /** How long its model took to load; null if it was resident or the time is unknown. */
  readonly loadMs: number | null
}

/** The state of the queue that outlives the process, beside the jobs. */
export interface QueueState {
  readonly pause: Pause | null
  /** The awake clock (ms) when it was last saved. */
  readonly awake: number
  /** Affinity of the last job sent; null before the first. */
  readonly lastAffinity: string | null
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
  /** When the last swap was, wall ms; null if unknown. */
  readonly swappedAt: number | null
}

export interface Recovery {
  /** Async jobs put back in the queue. */
  readonly requeued: number
  /** Async jobs that failed because their attempts are used up. */
  readonly failed: number
  /** Waiting calls that were cancelled because the crash disconnected their callers. */
  readonly cancelled: number
}

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
