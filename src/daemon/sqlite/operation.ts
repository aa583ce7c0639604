// Owns the words between the two threads of the store: what the main thread posts and what the store's thread posts back.
// Plain values that survive a structured clone; no code of either side.

import type { Turn } from '../domain/affinity.ts'
import type { Depth, Idempotency, Job, NewJob, QueueLimits, QueuePosition, State, StateChange } from '../domain/job.ts'
import type { JobDetail } from '../domain/job-document.ts'
import type { Backlog, SwapCount } from '../domain/load-counters.ts'
import type { Pause } from '../domain/pause.ts'
import type {
  ApplyResult,
  BackupResult,
  ClaimRequest,
  ClaimResult,
  DeleteResult,
  DeliveryRecall,
  DeliveryRequest,
  DeliverySettlement,
  DueDeliveries,
  EnqueueResult,
  JobChange,
  JobFilter,
  OpenFailure,
  OverdueJobs,
  PastRun,
  QueueState,
  QueueView,
  Recovery,
  Retry,
  RetryResult,
} from './store.ts'

export type StoreOperation =
  | {
      readonly name: 'enqueue'
      readonly job: NewJob
      readonly limits: QueueLimits
      /** Null: nobody asks where it stands. */
      readonly residency: Turn | null
    }
  | { readonly name: 'claim'; readonly request: ClaimRequest }
  | { readonly name: 'apply'; readonly change: JobChange }
  | { readonly name: 'orphan'; readonly id: string; readonly now: number }
  | { readonly name: 'adopt'; readonly id: string }
  | { readonly name: 'get'; readonly id: string }
  | { readonly name: 'detail'; readonly id: string; readonly residency: Turn }
  | { readonly name: 'list'; readonly filter: JobFilter; readonly residency: Turn }
  | { readonly name: 'changes'; readonly id: string }
  | {
      readonly name: 'artifact'
      readonly id: string
      readonly artifact: string
      readonly from: number
      readonly to: number
    }
  | { readonly name: 'retry'; readonly retry: Retry; readonly limits: QueueLimits }
  | { readonly name: 'forget'; readonly id: string }
  | { readonly name: 'dueDeliveries'; readonly request: DeliveryRequest }
  | { readonly name: 'settleDelivery'; readonly settlement: DeliverySettlement }
  | { readonly name: 'recallDeliveries'; readonly recall: DeliveryRecall }
  | { readonly name: 'redeliver'; readonly id: string; readonly n: number; readonly now: number }
  | { readonly name: 'pendingDeliveries' }
  | { readonly name: 'overdue'; readonly now: number; readonly limit: number }
  | { readonly name: 'backlog' }
  | { readonly name: 'countByState' }
  | { readonly name: 'queueState' }
  | { readonly name: 'pastRuns'; readonly limit: number }
  | { readonly name: 'queueView'; readonly residency: Turn }
  | { readonly name: 'setPause'; readonly pause: Pause | null }
  | { readonly name: 'recover'; readonly now: number; readonly maxAttempts: number }
  | { readonly name: 'interruptAll'; readonly now: number }
  | { readonly name: 'prune'; readonly before: number; readonly limit: number }
  /** The store's own: whether a key is known, when nothing may be enqueued; null: it is not. */
  | { readonly name: 'replay'; readonly idempotency: Idempotency }
  /** The store's own: bytes that tell whether the disk is full; null takes them away. */
  | { readonly name: 'ballast'; readonly bytes: number | null }

export type OperationName = StoreOperation['name']

/** Of a new job no more than the main thread does not know: a job there and back was a tenth of a submit. */
export type Enqueued =
  | { readonly kind: 'enqueued'; readonly sequence: number; readonly queuePosition: QueuePosition | null }
  | Exclude<EnqueueResult, { readonly kind: 'enqueued' }>

export interface Results {
  enqueue: Enqueued
  claim: ClaimResult
  apply: ApplyResult
  orphan: boolean
  adopt: boolean
  get: Job | null
  detail: JobDetail | null
  list: readonly { readonly job: Job; readonly queuePosition: QueuePosition | null }[]
  changes: readonly StateChange[] | null
  artifact: Uint8Array<ArrayBuffer> | null
  retry: RetryResult
  forget: DeleteResult
  dueDeliveries: DueDeliveries
  settleDelivery: boolean
  recallDeliveries: number
  redeliver: boolean
  pendingDeliveries: number
  overdue: OverdueJobs
  backlog: readonly Backlog[]
  countByState: Readonly<Record<State, number>>
  queueState: QueueState
  pastRuns: readonly PastRun[]
  queueView: QueueView
  setPause: null
  recover: Recovery
  interruptAll: null
  prune: number
  replay: Enqueued | null
  ballast: null
}

export type OperationResult = Results[OperationName]

/** One operation in the mailbox. */
export interface Ticket {
  readonly number: number
  readonly operation: StoreOperation
}

export type OperationOutcome =
  | { readonly kind: 'result'; readonly result: OperationResult }
  | { readonly kind: 'error'; readonly message: string }

export interface Answered {
  readonly number: number
  readonly outcome: OperationOutcome
}

/** `line`: no fsync, for jobs whose caller holds the line. `disk`: on disk before anybody is told. */
export type Durability = 'line' | 'disk'

export interface Commit {
  readonly durability: Durability
  /** `PRAGMA synchronous` as SQLite read it back: 1 NORMAL, 2 FULL. */
  readonly synchronous: number
  readonly operations: readonly OperationName[]
}

export type ToStore =
  | { readonly kind: 'tickets'; readonly tickets: readonly Ticket[] }
  /** Looks whether the files are still those that were opened; if not, the store is broken. */
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

/** What the store's thread is started with. */
export interface StoreThreadData {
  readonly path: string
  readonly reportCommits: boolean
  readonly maxPages: number | null
}
