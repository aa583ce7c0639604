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
import type { JobDetail } from '../domain/job-document.ts'
import type { Backlog, SwapCount } from '../domain/load-counters.ts'
import type { Pause } from '../domain/pause.ts'

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
  | { readonly kind: 'forgotten' }
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

export interface Store {
  /** Waiting jobs and their bodies, including those being enqueued right now. Read without a round trip. */
  readonly depth: Depth
  readonly swaps: SwapCount
  /**
   * Answered when the row is on disk (caller none), or as soon as it is committed, unsynced (caller live). With what is
   * resident it says as well where a new job stands: a read of its own would cost as much again.
   */
  enqueue(job: NewJob, limits: QueueLimits, residency?: Turn): Promise<EnqueueResult>
  /** Takes the next job: attempt counted, `loading` or `working`. On disk before the answer, if nobody holds the line. */
  claim(request: ClaimRequest): Promise<ClaimResult>
  /**
   * One named change. On disk before the answer for an async job. Final for a live one: its body goes. A change that finds
   * no room on the disk is kept and tried again: it is answered when the disk has room.
   */
  apply(change: JobChange): Promise<ApplyResult>
  /** A blocked caller left while its job was queued: not claimable from here on. False: it is no longer queued. */
  orphan(id: string, now: number): Promise<boolean>
  /** The caller is back: claimable again, in its old place. False: it is no longer an orphan. */
  adopt(id: string): Promise<boolean>
  /** Every read sees only what was committed, and what was asked of the store before it. */
  get(id: string): Promise<Job | null>
  detail(id: string, residency: Turn): Promise<JobDetail | null>
  /** The newest first; each with its queuePosition if it is queued. */
  list(
    filter: JobFilter,
    residency: Turn,
  ): Promise<readonly { readonly job: Job; readonly queuePosition: QueuePosition | null }[]>
  /** State changes of an async job, oldest first; of a blocked call what its row still tells. Null: no such job. */
  changes(id: string): Promise<readonly StateChange[] | null>
  /** Bytes `from` (inclusive) to `to` (exclusive) of an artifact; null: there is none of that name. */
  artifact(id: string, name: string, from: number, to: number): Promise<Uint8Array<ArrayBuffer> | null>
  /** The old body as a new job, `queued` row and webhook included; the old job stays as it is. */
  retry(retry: Retry, limits: QueueLimits): Promise<RetryResult>
  /** Deletes a finished job with all it holds. */
  delete(id: string): Promise<DeleteResult>
  /** The first pending delivery of each job, if it is due. The same one is given again until it is settled. */
  dueDeliveries(request: DeliveryRequest): Promise<DueDeliveries>
  /** On disk before the answer. False: there is no such pending delivery (any more). */
  settleDelivery(settlement: DeliverySettlement): Promise<boolean>
  /**
   * Moves what lies ahead back with a clock that was set back, and makes due what lies further ahead than any wait. On
   * disk before the answer, which is the number of deliveries that were moved.
   */
  recallDeliveries(recall: DeliveryRecall): Promise<number>
  /** Delivery `n` of a job is due now, whatever became of it before; its tries begin anew. False: there is none. */
  redeliver(id: string, n: number, now: number): Promise<boolean>
  /** Open deliveries, for /metrics. */
  pendingDeliveries(): Promise<number>
  overdue(now: number, limit: number): Promise<OverdueJobs>
  backlog(): Promise<readonly Backlog[]>
  /** Jobs by state, deleted ones included. */
  countByState(): Promise<Readonly<Record<State, number>>>
  queueState(): Promise<QueueState>
  /** Of the newest `limit` jobs that are done, in the order of their ends. */
  pastRuns(limit: number): Promise<readonly PastRun[]>
  queueView(residency: Turn): Promise<QueueView>
  /** On disk before the answer; null ends the pause. */
  setPause(pause: Pause | null): Promise<void>
  /** What a crash left in loading or working. One transaction; before anything else is asked of the store. */
  recover(now: number, maxAttempts: number): Promise<Recovery>
  /** Every live job that is still queued, loading or working is cancelled, every sent async one goes back (`interrupted`). */
  interruptAll(now: number): Promise<void>
  /** Deletes at most `limit` jobs that finished before `before`; says how many (none while the disk has no room for that). */
  prune(before: number, limit: number): Promise<number>
  /**
   * Makes a consistent copy of the database as it is now, beside it; the caller removes it. Jobs go on meanwhile. One at
   * a time.
   */
  backup(): Promise<BackupResult>
  /** Looks whether the database is still the file that was opened; if not, `onFatal` is called. */
  checkFiles(): void
  /** Writes what is outstanding and closes the file. Safe twice. */
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
