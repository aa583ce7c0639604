// Table of the store's operations: one row each, with its function and the kind of transaction that it runs in. The main
// thread reads it too, so neither this file nor what it imports loads SQLite.

import type { Idempotency, QueueLimits } from '../domain/job.ts'
import type { Pause } from '../domain/pause.ts'
import type { DeliveryRequest, DeliverySettlement } from './deliveries.ts'
import { interruptAll, recover } from './interruption.ts'
import * as queueing from './queueing.ts'
import * as reading from './reading.ts'
import type { Durability, OperationContext, Tables } from './tables.ts'

/** `deletion`: synced, and in a transaction of its own, because it makes room. `read`: after all writes of its batch. */
export type TransactionKind = Durability | 'deletion' | 'read'

type BodyBytes = Uint8Array<ArrayBuffer>

/** Optional columns. They are methods, because a method makes a row assignable to `OperationRow<unknown[], unknown>`. */
interface Traits<Args extends unknown[], Result> {
  /** The operation adds a job to the queue, so it is refused while the disk is full. */
  readonly admits?: true
  /** Returns the answer when the disk has no room for the operation. Without this it is kept and tried again. */
  whenFull?(...args: Args): Result
  /** Returns the idempotency key. A known key is answered with its job even while the disk is full. */
  key?(...args: Args): Idempotency | undefined
  /** Returns the bytes of all bodies in the arguments. */
  bodyBytes?(...args: Args): number
  /** Returns the arguments to post to the store's thread. `own` puts a body in a buffer that can be transferred. */
  post?(own: (body: BodyBytes) => BodyBytes, ...args: Args): Args
  /** Returns the buffers that the result hands over to the main thread, each once. */
  transfer?(result: Result): ArrayBuffer[]
}

export interface OperationRow<Args extends unknown[], Result> extends Traits<Args, Result> {
  kind(...args: Args): TransactionKind
  run(context: OperationContext, ...args: Args): Result | typeof queueing.NEEDS_SYNC
}

function op<Args extends unknown[], Result>(
  kind: TransactionKind | NoInfer<(...args: Args) => TransactionKind>,
  run: (context: OperationContext, ...args: Args) => Result | typeof queueing.NEEDS_SYNC,
  traits: NoInfer<Traits<Args, Result>> = {},
): OperationRow<Args, Result> {
  return { run, kind: typeof kind === 'function' ? kind : () => kind, ...traits }
}

/** When to claim again after the disk had no room for the change of a claim. */
const CLAIM_AGAIN_MS = 1000

/** The caller's limits may be a whole configuration; only these two are posted. */
const limitsOf = ({ maxQueue, maxQueueBytes }: QueueLimits): QueueLimits => ({ maxQueue, maxQueueBytes })

/** The operations of `Store`, whose methods are derived from these rows. A new operation is a function and a row here. */
export const STORE_OPERATIONS = {
  /** Adds a job. `Store.enqueue` completes the answer with the job itself. */
  enqueue: op(({ caller }) => (caller === 'live' ? 'unsynced' : 'synced'), queueing.enqueue, {
    admits: true,
    whenFull: () => ({ kind: 'storage_full' }),
    key: ({ idempotency }) => idempotency,
    bodyBytes: ({ body }) => body.byteLength,
    post: (own, job, limits, residency) => [{ ...job, body: own(job.body) }, limitsOf(limits), residency],
  }),
  /** Takes the next job: attempt counted, `loading` or `working`. An async job is on disk before the answer. */
  claim: op('unsynced', queueing.claim, {
    whenFull: ({ now }) => ({ kind: 'empty', availableAt: now + CLAIM_AGAIN_MS, isStorageFull: true }),
    transfer: (result) => (result.kind === 'claimed' ? [result.body.buffer] : []),
  }),
  /**
   * Applies one event. An async job is on disk before the answer. The final change of a live job deletes its body. A change
   * for which the disk has no room is kept, tried again, and answered when there is room.
   */
  apply: op('unsynced', queueing.apply, {
    bodyBytes: ({ output }) =>
      output?.artifacts.reduce((sum, { body }) => sum + body.byteLength, output.result?.byteLength ?? 0) ?? 0,
    post(own, change) {
      if (change.output === undefined) return [change]
      const { artifacts, result, responseIsResult } = change.output
      const output = {
        artifacts: artifacts.map((artifact) => ({ ...artifact, body: own(artifact.body) })),
        result: result === null ? null : own(result),
        responseIsResult,
      }
      return [{ ...change, output }]
    },
  }),
  /** Marks a queued waiting call as orphaned, so that it is not claimed. Returns false if it is not queued any more. */
  orphan: op('unsynced', queueing.orphan),
  /** Makes an orphan claimable again, in its old place. Returns false if it is not an orphan any more. */
  adopt: op('unsynced', queueing.adopt),
  /** Copies a finished job and its body as a new job, with its `queued` change and webhook. */
  retry: op('synced', queueing.retry, {
    admits: true,
    whenFull: () => ({ kind: 'storage_full' }),
    post: (_, retry, limits) => [retry, limitsOf(limits)],
  }),
  /** Deletes a finished job with everything that belongs to it. */
  delete: op('deletion', queueing.deleteJob),
  /** Deletes at most `limit` jobs that finished before `before`. Returns how many: 0 while the disk has no room for that. */
  prune: op('deletion', queueing.prune, { whenFull: () => 0 }),

  /** Reads see only what was committed, and everything that was asked of the store before them. */
  get: op('read', reading.get),
  detail: op('read', reading.detail, {
    transfer(detail) {
      if (detail === null) return []
      const json = detail.result !== null && 'json' in detail.result ? detail.result.json.buffer : undefined
      const inline = detail.artifacts.map((artifact) => artifact.inline?.buffer)
      // A set, because a response may be its own result.
      return [...new Set([...inline, json])].filter((buffer) => buffer !== undefined)
    },
  }),
  /** Lists the newest jobs first; a queued one with its position. */
  list: op('read', reading.list),
  /** Returns the changes of an async job, oldest first; of a waiting call, those that its row shows; null if it is missing. */
  changes: op('read', reading.changes),
  /** Returns the bytes `from` (inclusive) to `to` (exclusive) of an artifact; null if the job has none of that name. */
  artifact: op(
    'read',
    ({ artifacts }, id: string, name: string, from: number, to: number) => artifacts.read(id, name, from, to),
    { transfer: (bytes) => (bytes === null ? [] : [bytes.buffer]) },
  ),
  overdue: op('read', ({ deadlines }, now: number, limit: number) => deadlines.overdue(now, limit)),
  backlog: op('read', reading.backlog),
  /** Counts the jobs by state, deleted ones included. */
  countByState: op('read', ({ counters }) => counters.states),
  /** Returns the newest `limit` jobs that are done, in the order in which they finished. */
  pastRuns: op('read', ({ jobs }, limit: number) => jobs.pastRuns(limit)),
  queueState: op('read', ({ queueState }) => queueState.read()),
  queueView: op('read', reading.queueView),

  /** Returns the first pending delivery of each job, if it is due. It is returned again until it is settled. */
  dueDeliveries: op('read', ({ deliveries }, request: DeliveryRequest) => deliveries.due(request)),
  /** Returns false if the delivery is missing or not pending any more. */
  settleDelivery: op('synced', (tables, settlement: DeliverySettlement) => {
    const sequence = sequenceOf(tables, settlement.jobId)
    return sequence !== null && tables.deliveries.settle(sequence, settlement)
  }),
  /**
   * After the clock was set back by `setBackMs` (0 if unknown): moves pending deliveries back with it, and makes those due
   * that wait longer than any wait can be. Returns how many were moved.
   */
  recallDeliveries: op('synced', ({ deliveries }, recall: { readonly now: number; readonly setBackMs: number }) =>
    deliveries.recall(recall),
  ),
  /** Makes delivery `n` of a job due now, in whatever state it is, with its tries at 0. Returns false if it is missing. */
  redeliver: op('synced', (tables, id: string, n: number, now: number) => {
    const sequence = sequenceOf(tables, id)
    return sequence !== null && tables.deliveries.redeliver(sequence, n, now)
  }),
  /** Counts the pending deliveries, for /metrics. */
  pendingDeliveries: op('read', ({ deliveries }) => deliveries.pending()),

  /** Null ends the pause. */
  setPause: op('synced', ({ queueState }, pause: Pause | null) => queueState.setPause(pause)),
  /** Puts back, fails or cancels what a crash left in loading or working. It must be the first operation of a store. */
  recover: op('synced', recover),
  /** Cancels every unfinished live job and puts every sent async job back in the queue (`interrupted`). */
  interruptAll: op('synced', interruptAll),
}

export const OPERATIONS = {
  ...STORE_OPERATIONS,
  /** For batch.ts: returns the answer to an enqueue whose key is known, null if the key is unknown. */
  replay: op('read', queueing.replay),
  /** For batch.ts: writes so many bytes to see whether the disk is full. Null deletes them. */
  diskProbe: op('synced', ({ queueState }, bytes: number | null) => queueState.setDiskProbe({ bytes })),
}

export type OperationName = keyof typeof OPERATIONS
type RowOf<Name extends OperationName> = (typeof OPERATIONS)[Name]
export type OperationArgs<Name extends OperationName> =
  RowOf<Name> extends OperationRow<infer Args, infer _> ? Args : never
export type OperationResult<Name extends OperationName> =
  RowOf<Name> extends OperationRow<infer _, infer Result> ? Result : never

/** A call of an operation, as it is posted to the store's thread. */
export type StoreOperation = {
  [Name in OperationName]: { readonly name: Name; readonly args: OperationArgs<Name> }
}[OperationName]

/** The row of an operation, for code that treats all operations alike. */
export const rowOf = ({ name }: StoreOperation): OperationRow<unknown[], unknown> => OPERATIONS[name]

export const bodyBytesOf = (operation: StoreOperation): number => rowOf(operation).bodyBytes?.(...operation.args) ?? 0

/** Returns the sequence of a job; null if the job is missing. */
const sequenceOf = ({ jobs }: Tables, id: string): number | null => jobs.find({ id })?.sequence ?? null
