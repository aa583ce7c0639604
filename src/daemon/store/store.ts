// Owns the words between the daemon and its store: the operations, their answers, and what each promises. No code of
// SQLite here; the thread behind it is thread.ts. Expected outcomes are values; a rejected promise is a broken store.

import type { Residency } from '../affinity.ts'
import type { Depth, EventName, Job, JobError, Measured, NewJob, QueueLimits, State } from '../job.ts'

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
  | { readonly kind: 'empty'; readonly availableAt: number | null }

/** The answer of an async job, kept with it. */
export interface Answer {
  readonly status: number
  readonly contentType: string | null
  readonly body: Uint8Array<ArrayBuffer>
}

export interface Change {
  readonly id: string
  readonly event: Exclude<EventName, 'claimed_cold' | 'claimed_warm'>
  readonly now: number
  /** Back to the queue, but not before then (wall ms). */
  readonly availableAt?: number
  /** Required by every change to failed or cancelled. */
  readonly error?: JobError
  readonly measured?: Measured
  readonly answer?: Answer
}

/** `conflict`: the job is not in a state that the event may leave (or is not there). Nothing was changed. */
export type ApplyResult = { readonly kind: 'applied'; readonly job: Job } | { readonly kind: 'conflict' }

export type EnqueueResult =
  | { readonly kind: 'enqueued'; readonly job: Job }
  | { readonly kind: 'queue_full' }
  | { readonly kind: 'storage_full' }

/** What a model has waiting, for GET /status. */
export interface Backlog {
  /** Normalised: `x` and `x:latest` are one. */
  readonly model: string
  readonly jobs: number
  /** createdAt of its oldest waiting job, wall ms. */
  readonly oldestAt: number
}

/** What outlives the process beside the jobs. */
export interface QueueState {
  readonly paused: boolean
  /** The awake clock, ms, as last written. */
  readonly awake: number
  /** Affinity of the last job sent; null before the first. */
  readonly lastAffinity: string | null
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
}

export interface Recovery {
  /** Async jobs put back in the queue. */
  readonly requeued: number
  /** Async jobs whose attempts are spent: failed. */
  readonly failed: number
  /** Blocked calls whose caller went with the crash: cancelled. */
  readonly cancelled: number
}

/** Swaps made, and those that a plain first-in-first-out queue would have made for the same jobs, since the start. */
export interface SwapCount {
  readonly swaps: number
  readonly fifoSwaps: number
}

export interface Store {
  /** Waiting jobs and their bodies, including those being enqueued right now. Read without a round trip. */
  readonly depth: Depth
  readonly swaps: SwapCount
  /** Answered when the row is on disk (caller none), or as soon as it is committed, unsynced (caller live). */
  enqueue(job: NewJob, limits: QueueLimits): Promise<EnqueueResult>
  /** Takes the next job: attempt counted, `loading` or `working`. On disk before the answer, if nobody holds the line. */
  claim(request: ClaimRequest): Promise<ClaimResult>
  /**
   * One named change. On disk before the answer for an async job. Final for a live one: its body goes. A change that finds
   * no room on the disk is kept and tried again: it is answered when the disk has room.
   */
  apply(change: Change): Promise<ApplyResult>
  /** A blocked caller left while its job was queued: not claimable from here on. False: it is no longer queued. */
  orphan(id: string, now: number): Promise<boolean>
  /** The caller is back: claimable again, in its old place. False: it is no longer an orphan. */
  adopt(id: string): Promise<boolean>
  get(id: string): Promise<Job | null>
  answer(id: string): Promise<Answer | null>
  /** The newest first. Every read sees only what was committed, and what was asked of the store before it. */
  list(limit: number): Promise<readonly Job[]>
  backlog(): Promise<readonly Backlog[]>
  countByState(): Promise<Readonly<Record<State, number>>>
  queueState(): Promise<QueueState>
  setPaused(paused: boolean): Promise<void>
  /** What a crash left in loading or working. One transaction; before anything else is asked of the store. */
  recover(now: number, maxAttempts: number): Promise<Recovery>
  /** Every live job that is still queued, loading or working is cancelled, every sent async one goes back (`interrupted`). */
  interruptAll(now: number): Promise<void>
  /** Deletes at most `limit` jobs that finished before `before`; says how many (none while the disk has no room for that). */
  prune(before: number, limit: number): Promise<number>
  /** Writes what is outstanding and closes the file. Safe twice. */
  close(): Promise<void>
}

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
