// Operations that change jobs and the counters: enqueue, claim, apply, orphan, retry, delete. They run inside a transaction
// that transaction.ts opens and commits.

import { isResident, type Turn } from '../domain/affinity.ts'
import {
  admit,
  type Depth,
  type Idempotency,
  isFinal,
  type NewJob,
  type QueueLimits,
  type QueuePosition,
  type State,
} from '../domain/job.ts'
import type { BodiesTable } from './bodies.ts'
import type { ClaimableJobs } from './claimable.ts'
import type { History } from './history.ts'
import type { IdempotencyTable } from './idempotency.ts'
import { FRESH, jobOf, type NewJobRow, retryRowOf, rowOf } from './job-row.ts'
import type { Gone, JobsTable } from './jobs.ts'
import type { Durability } from './operations.ts'
import type { QueueCounters } from './queue-counters.ts'
import type { QueuePositions } from './queue-positions.ts'
import type { QueueStateTable } from './queue-state.ts'
import type {
  ApplyResult,
  ClaimRequest,
  ClaimResult,
  DeleteResult,
  EnqueueResult,
  JobChange,
  Retry,
  RetryResult,
} from './store.ts'

/**
 * The operation concerns an async job, or a job that is still unknown, so it must run in the synced transaction. The caller
 * must undo what it has done so far.
 */
export const NEEDS_SYNC = Symbol('needs sync')

/** The result of an enqueue, without the job: sending it back to the main thread was a tenth of the cost of a submission. */
export type Enqueued =
  | { readonly kind: 'enqueued'; readonly sequence: number; readonly queuePosition: QueuePosition | null }
  | Exclude<EnqueueResult, { readonly kind: 'enqueued' }>

export interface Queueing {
  enqueue(job: NewJob, limits: QueueLimits, residency: Turn | null): Enqueued
  /** Returns what an enqueue with this key would return if the key is known; null if it is unknown. */
  replay(idempotency: Idempotency): Enqueued | null
  retry(retry: Retry, limits: QueueLimits): RetryResult
  claim(request: ClaimRequest, durability: Durability): ClaimResult | typeof NEEDS_SYNC
  apply(change: JobChange, durability: Durability): ApplyResult | typeof NEEDS_SYNC
  orphan(id: string, now: number): boolean
  adopt(id: string): boolean
  delete(id: string): DeleteResult
  prune(before: number, limit: number): number
}

export interface QueueingParts {
  readonly jobs: JobsTable
  readonly bodies: BodiesTable
  readonly claimable: ClaimableJobs
  readonly queueState: QueueStateTable
  readonly idempotency: IdempotencyTable
  readonly history: History
  readonly positions: QueuePositions
  readonly counters: QueueCounters
}

export function createQueueing(parts: QueueingParts): Queueing {
  const { jobs, bodies, claimable, queueState, idempotency, history, positions, counters } = parts

  const moved = (from: State | null, to: State | null, row: Gone): void =>
    counters.transition({ from, to, model: row.normalised_model, bytes: row.body_bytes })

  const isFull = (bytes: number, depth: Depth, limits: QueueLimits): boolean =>
    admit(bytes, depth, limits) === 'queue_full'

  function insert(row: NewJobRow): number {
    const sequence = jobs.insert(row)
    const inserted = { ...FRESH, ...row, sequence }
    moved(null, 'queued', inserted)
    counters.place(inserted, 1)
    history.record(inserted, null, row.created_at)
    return sequence
  }

  function replay(key: Idempotency): Enqueued | null {
    const known = idempotency.find(key)
    if (known === null) return null
    const row = known.isSame ? jobs.find(known.jobId) : null
    return row === null ? { kind: 'key_reused' } : { kind: 'replayed', job: jobOf(row) }
  }

  function gone(rows: readonly Gone[]): number {
    for (const row of rows) moved(row.state, null, row)
    return rows.length
  }

  return {
    enqueue(job, limits, residency) {
      const known = job.idempotency === undefined ? null : replay(job.idempotency)
      if (known !== null) return known
      if (isFull(job.body.byteLength, counters.depth, limits)) return { kind: 'queue_full' }
      const sequence = insert(rowOf(job, queueState.enqueued(job.affinity)))
      bodies.put(sequence, job.body)
      if (job.idempotency !== undefined) idempotency.put(sequence, job.idempotency)
      const queuePosition = residency === null ? null : positions.ofNewest(job.affinity, residency, counters.blocks)
      return { kind: 'enqueued', sequence, queuePosition }
    },
    replay,
    retry(retry, limits) {
      const old = jobs.find(retry.of)
      if (old === null) return { kind: 'unknown' }
      if (!isFinal(old.state)) return { kind: 'active', state: old.state }
      if (!bodies.has(old.sequence)) return { kind: 'body_gone' }
      if (isFull(old.body_bytes, counters.depth, limits)) return { kind: 'queue_full' }
      bodies.copy(old.sequence, insert(retryRowOf(old, retry, queueState.enqueued(old.affinity))))
      const row = jobs.find(retry.id)
      if (row === null) throw new Error(`the retry ${retry.id} was not inserted`)
      return { kind: 'enqueued', job: jobOf(row), queuePosition: null }
    },
    claim(request, durability) {
      claimable.promote(request.now)
      const next = claimable.next(request, queueState.read().swappedAwake)
      if (next === null) return { kind: 'empty', availableAt: claimable.firstBackoff() }
      if (next.caller === 'none' && durability === 'unsynced') return NEEDS_SYNC
      const event = isResident(next.affinity, request.residency) ? 'claimed_warm' : 'claimed_cold'
      const row = jobs.claim(next.sequence, event, request.now)
      const body = bodies.get(next.sequence)
      if (row === null || body === null) throw new Error(`job ${next.sequence} is queued, but cannot be claimed`)
      const swapped = queueState.sent(row.affinity, request.awake, request.now)
      moved('queued', row.state, row)
      counters.place(row, -1)
      counters.count(swapped ? 1 : 0, row.attempt + row.bounces === 1 ? row.fifo_swap : 0)
      history.record(row, 'queued', request.now)
      return { kind: 'claimed', job: jobOf(row), body, swapped }
    },
    apply(change, durability) {
      const before = jobs.find(change.id)
      // An unknown job may be enqueued by the same batch, in the synced transaction.
      if (before?.caller !== 'live' && durability === 'unsynced') return NEEDS_SYNC
      const after = before === null ? null : jobs.change(change)
      if (before === null || after === null) return { kind: 'conflict' }
      moved(before.state, after.state, after)
      if (before.state === 'queued' && before.orphaned_at === null) counters.place(before, -1)
      if (after.state === 'queued') counters.place(after, 1)
      if (isFinal(after.state) && after.caller === 'live') bodies.drop(after.sequence)
      history.record(after, before.state, change.now, change.output)
      return { kind: 'applied', job: jobOf(after), previous: before.state }
    },
    orphan(id, now) {
      const place = jobs.orphan(id, now)
      if (place !== null) counters.place(place, -1)
      return place !== null
    },
    adopt(id) {
      const place = jobs.adopt(id)
      if (place !== null) counters.place(place, 1)
      return place !== null
    },
    delete(id) {
      const row = jobs.find(id)
      if (row === null) return { kind: 'unknown' }
      const deleted = jobs.delete(row.sequence)
      if (deleted === null) return { kind: 'active', state: row.state }
      gone([deleted])
      return { kind: 'deleted' }
    },
    prune: (before, limit) => gone(jobs.prune(before, limit)),
  }
}
