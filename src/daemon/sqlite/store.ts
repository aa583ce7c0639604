// Owns the words between the daemon and its store: the operations, their answers, and what each promises. No code of
// SQLite here; the thread behind it is thread.ts. Expected outcomes are values; a rejected promise is a broken store.

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
   * Nothing can be sent now; `availableAt` is when to ask again: the end of the first backoff (wall ms), or a second from
   * now if the disk is full; null when nothing waits for either.
   */
  | { readonly kind: 'empty'; readonly availableAt: number | null; readonly isStorageFull?: true }

export interface JobFilter {
  readonly state: State | null
  /** Normalised. */
  readonly model: string | null
  readonly label: string | null
  readonly limit: number
  /** Sequence of the last job of the page before; null = from the newest. */
  readonly before: number | null
}

/** A webhook that is due, with what its payload is made of. */
export interface DueDelivery {
  readonly change: StateChange
  readonly url: string
  /** `host:port` of it: what shares a limit. */
  readonly receiver: string
  /** Tries before this one. */
  readonly tries: number
  readonly jobId: string
}

export interface DeliveryRequest {
  readonly now: number
  readonly limit: number
  /** Receivers that must not be sent more now. */
  readonly except: readonly string[]
  /** Jobs whose delivery is on its way. */
  readonly underWay: readonly string[]
}

/** A look at the outbox with a clock that may have been set back. */
export interface DeliveryRecall {
  readonly now: number
  /** By how much the wall clock was set back; 0 if that is not known. */
  readonly setBackMs: number
}

/** `nextAt`: when the next one falls due, wall ms; null when none is pending (those of `except` and `underWay` not counted). */
export interface DueDeliveries {
  readonly due: readonly DueDelivery[]
  readonly nextAt: number | null
}

/** What became of one try. */
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
  /** The wish, ms. */
  readonly limitMs: number
}

/** `nextAt`: the next deadline, wall ms; null when there is none. */
export interface OverdueJobs {
  readonly overdue: readonly Overdue[]
  readonly nextAt: number | null
}

export interface JobChange {
  readonly id: string
  readonly event: Exclude<EventName, 'claimed_cold' | 'claimed_warm'>
  readonly now: number
  /** Back to the queue, but not before then (wall ms). */
  readonly availableAt?: number
  /** Required by every change to failed or cancelled. */
  readonly error?: JobError
  readonly measured?: Measured
  /** With the final change of an async job. */
  readonly output?: JobOutput
}

/** `conflict`: the job is not in a state that the event may leave (or is not there). Nothing was changed. */
export type ApplyResult =
  | { readonly kind: 'applied'; readonly job: Job; readonly previous: State }
  | { readonly kind: 'conflict' }

export type EnqueueResult =
  /** `queuePosition`: null where none was asked for. */
  | { readonly kind: 'enqueued'; readonly job: Job; readonly queuePosition: QueuePosition | null }
  /** The key is known: this is its job. */
  | { readonly kind: 'replayed'; readonly job: Job }
  /** The key is known and stands for another endpoint or body. */
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'queue_full' }
  | { readonly kind: 'storage_full' }

/** The queue as a whole, for GET /status. */
export interface QueueView {
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
  /** Wall ms; null: no swap is known. */
  readonly swappedAt: number | null
  /** The oldest job that may be claimed; null: none. */
  readonly oldest: OldestJob | null
  /** The oldest waiting job of each model, orphans included. */
  readonly firsts: readonly {
    readonly model: string
    readonly job: Job
    readonly queuePosition: QueuePosition | null
  }[]
}

/** What a finished job took, ms. */
export interface PastRun {
  readonly affinity: string
  /** From its last claim to its end, its load included. */
  readonly ms: number
  /** What its model took to load; null: it was resident, or that is not known. */
  readonly loadMs: number | null
}

/** What outlives the process beside the jobs. */
export interface QueueState {
  readonly pause: Pause | null
  /** The awake clock, ms, as last written. */
  readonly awake: number
  /** Affinity of the last job sent; null before the first. */
  readonly lastAffinity: string | null
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
  /** Wall ms of the last swap; null: not known. */
  readonly swappedAt: number | null
}

export interface Recovery {
  /** Async jobs put back in the queue. */
  readonly requeued: number
  /** Async jobs whose attempts are spent: failed. */
  readonly failed: number
  /** Blocked calls whose caller went with the crash: cancelled. */
  readonly cancelled: number
}

type StoreOperationName = keyof typeof STORE_OPERATIONS

/** One method for each row of STORE_OPERATIONS, which says what it promises. */
export type StoreOperations = {
  readonly [Name in StoreOperationName]: (...args: OperationArgs<Name>) => Promise<OperationResult<Name>>
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

/** `full`: the disk has no room for a copy. */
export type BackupResult = { readonly kind: 'made'; readonly path: string } | { readonly kind: 'full' }

export interface StoreOptions {
  /** The database file, or `:memory:` never: a queue that forgets is not this one. */
  readonly path: string
  /**
   * Called once when the outcome of a commit is unknown or the file is broken; what was asked and not answered is rejected
   * before, and so is all that is asked later. The daemon must stop admitting and exit 70;
   * recovery at the next start decides what is true.
   */
  readonly onFatal: (error: Error) => void
  /** The disk is full: work in hand goes on, nothing new is admitted. Called at each change. */
  readonly onStorageFull?: (full: boolean) => void
}

/** The store has ended, and answers no operation any more. */
export class StoreError extends Error {
  /** `unknown`: the operation was under way, and the next start will show whether it took place. `none`: it did not. */
  readonly outcome: 'unknown' | 'none'
  constructor(outcome: 'unknown' | 'none', message: string) {
    super(message)
    this.name = 'StoreError'
    this.outcome = outcome
  }
}

/** Why a store could not be opened: `in_use` is exit 75, the others 70. */
export type OpenFailure = 'in_use' | 'newer' | 'foreign' | 'corrupt' | 'unusable'

export class StoreOpenError extends Error {
  readonly reason: OpenFailure
  constructor(reason: OpenFailure, message: string) {
    super(message)
    this.name = 'StoreOpenError'
    this.reason = reason
  }
}
