// Operations that change jobs and the counters: enqueue, claim, apply, orphan, retry, delete. They run inside a transaction
// that transaction.ts opens and commits.

import { isResident, type Turn } from '../domain/affinity.ts'
import type { JobOutput } from '../domain/artifact.ts'
import {
  admit,
  type Idempotency,
  isFinal,
  type Job,
  type NewJob,
  type QueueLimits,
  type QueuePosition,
  type State,
} from '../domain/job.ts'
import type { ClaimRequest } from './claimable.ts'
import { eventsOf, FRESH, type JobRow, jobOf, type NewJobRow, rowOf } from './job-row.ts'
import type { Gone, JobChange } from './jobs.ts'
import type { OperationContext, Tables } from './tables.ts'

/**
 * The operation concerns an async job, or a job that is still unknown, so it must run in the synced transaction. The caller
 * must undo what it has done so far.
 */
export const NEEDS_SYNC = Symbol('needs sync')

export type EnqueueResult =
  /** `queuePosition` is null if the caller passed no `residency`. */
  | { readonly kind: 'enqueued'; readonly job: Job; readonly queuePosition: QueuePosition | null }
  /** The key is known; `job` is its job. */
  | { readonly kind: 'replayed'; readonly job: Job }
  /** The key is known, but belongs to another endpoint or body. */
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'queue_full' }
  | { readonly kind: 'storage_full' }

/** The result of an enqueue, without the job: sending it back to the main thread was a tenth of the cost of a submission. */
type Enqueued =
  | { readonly kind: 'enqueued'; readonly sequence: number; readonly queuePosition: QueuePosition | null }
  | Exclude<EnqueueResult, { readonly kind: 'enqueued' }>

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

export type ClaimResult =
  | { readonly kind: 'claimed'; readonly job: Job; readonly body: Uint8Array<ArrayBuffer>; readonly swapped: boolean }
  /**
   * Nothing can be sent now. `availableAt` is when to claim again: at the end of the first backoff (wall ms), or in a second
   * if the disk is full. Null if neither applies.
   */
  | { readonly kind: 'empty'; readonly availableAt: number | null; readonly isStorageFull?: true }

type ApplyResult =
  | { readonly kind: 'applied'; readonly job: Job; readonly previous: State }
  /** The job is missing, or not in a state that the event may leave. Nothing was changed. */
  | { readonly kind: 'conflict' }

/**
 * Writes what a state change of an async job leaves beside the job: the change, its webhook, and the output of a finished job.
 * `row` is the job after the change. `previous` is null for the first change.
 */
function record(tables: Tables, row: JobRow, previous: State | null, at: number, output?: JobOutput): void {
  if (row.caller === 'live') return
  const { changes, deliveries, artifacts } = tables
  const { sequence, changes: number, state, attempt, webhook_url: url } = row
  changes.put({ sequence, number, state, previous, attempt, at })
  if (url !== null && eventsOf(row).includes(state)) deliveries.put(sequence, number, url, at)
  if (output !== undefined && row.finished_at !== null) artifacts.put(sequence, output)
}

function insert(tables: Tables, row: NewJobRow): JobRow {
  const { jobs, counters } = tables
  const inserted = jobs.insert(row)
  if (inserted === null) throw new Error(`job ${row.id} was not inserted`)
  const whole = { ...row, ...FRESH, sequence: inserted.sequence }
  counters.transition(null, 'queued', whole)
  counters.place(whole, 1)
  record(tables, whole, null, row.created_at)
  return whole
}

/** Returns what an enqueue with this key would return if the key is known; null if it is unknown. */
export function replay({ idempotency, jobs }: Tables, key: Idempotency): Enqueued | null {
  const known = idempotency.find(key)
  if (known === null) return null
  const row = known.isSame ? jobs.find({ id: known.jobId }) : null
  return row === null ? { kind: 'key_reused' } : { kind: 'replayed', job: jobOf(row) }
}

export function enqueue(tables: Tables, job: NewJob, limits: QueueLimits, residency: Turn | null): Enqueued {
  const { bodies, queueState, idempotency, positions, counters } = tables
  const known = job.idempotency === undefined ? null : replay(tables, job.idempotency)
  if (known !== null) return known
  if (admit(job.body.byteLength, counters.depth, limits) === 'queue_full') return { kind: 'queue_full' }
  const { sequence } = insert(tables, rowOf(job, queueState.enqueued(job.affinity)))
  bodies.put({ sequence, body: job.body })
  if (job.idempotency !== undefined) idempotency.put({ sequence, ...job.idempotency })
  return { kind: 'enqueued', sequence, queuePosition: residency && positions.ofNewest(job.affinity, residency) }
}

export function retry(tables: Tables, { of, id, now, awake }: Retry, limits: QueueLimits): RetryResult {
  const { jobs, bodies, queueState, counters } = tables
  const old = jobs.find({ id: of })
  if (old === null) return { kind: 'unknown' }
  if (!isFinal(old.state)) return { kind: 'active', state: old.state }
  if (bodies.has({ sequence: old.sequence }) === null) return { kind: 'body_gone' }
  if (admit(old.body_bytes, counters.depth, limits) === 'queue_full') return { kind: 'queue_full' }
  const row = insert(tables, {
    ...old,
    id,
    caller: 'none',
    retry_of: of,
    fifo_swap: queueState.enqueued(old.affinity) ? 1 : 0,
    created_at: Math.round(now),
    created_awake: Math.round(awake),
  })
  bodies.copy({ from: old.sequence, to: row.sequence })
  return { kind: 'enqueued', job: jobOf(row), queuePosition: null }
}

export function claim(context: OperationContext, request: ClaimRequest): ClaimResult | typeof NEEDS_SYNC {
  const { jobs, bodies, claimable, queueState, counters, durability } = context
  claimable.promote(request.now)
  const next = claimable.next(request, queueState.read().swappedAwake)
  if (next === null) return { kind: 'empty', availableAt: claimable.firstBackoff() }
  if (next.caller === 'none' && durability === 'unsynced') return NEEDS_SYNC
  const { sequence } = next
  const event = isResident(next.affinity, request.residency) ? 'claimed_warm' : 'claimed_cold'
  const row = jobs.claim[event]({ sequence, now: request.now })
  const body = bodies.get({ sequence })?.body
  if (row === null || body === undefined) throw new Error(`job ${sequence} is queued, but cannot be claimed`)
  const swapped = queueState.sent(row.affinity, request.awake, request.now)
  counters.transition('queued', row.state, row)
  counters.place(row, -1)
  counters.count(swapped ? 1 : 0, row.attempt + row.bounces === 1 ? row.fifo_swap : 0)
  record(context, row, 'queued', request.now)
  return { kind: 'claimed', job: jobOf(row), body, swapped }
}

export function apply(context: OperationContext, change: JobChange): ApplyResult | typeof NEEDS_SYNC {
  const { jobs, bodies, counters, durability } = context
  const before = jobs.find({ id: change.id })
  // An unknown job may be enqueued by the same batch, in the synced transaction.
  if (before?.caller !== 'live' && durability === 'unsynced') return NEEDS_SYNC
  const after = before === null ? null : jobs.change(change)
  if (before === null || after === null) return { kind: 'conflict' }
  counters.transition(before.state, after.state, after)
  if (before.state === 'queued' && before.orphaned_at === null) counters.place(before, -1)
  if (after.state === 'queued') counters.place(after, 1)
  if (isFinal(after.state) && after.caller === 'live') bodies.drop({ sequence: after.sequence })
  record(context, after, before.state, change.now, change.output)
  return { kind: 'applied', job: jobOf(after), previous: before.state }
}

export function orphan({ jobs, counters }: Tables, id: string, now: number): boolean {
  const place = jobs.orphan({ id, now })
  if (place !== null) counters.place(place, -1)
  return place !== null
}

export function adopt({ jobs, counters }: Tables, id: string): boolean {
  const place = jobs.adopt({ id })
  if (place !== null) counters.place(place, 1)
  return place !== null
}

function countDeleted({ counters }: Tables, rows: readonly Gone[]): number {
  for (const row of rows) counters.transition(row.state, null, row)
  return rows.length
}

export function deleteJob(
  tables: Tables,
  id: string,
): { readonly kind: 'deleted' | 'unknown' } | { readonly kind: 'active'; readonly state: State } {
  const row = tables.jobs.find({ id })
  if (row === null) return { kind: 'unknown' }
  const deleted = tables.jobs.delete({ sequence: row.sequence })
  if (deleted === null) return { kind: 'active', state: row.state }
  countDeleted(tables, [deleted])
  return { kind: 'deleted' }
}

export const prune = (tables: Tables, before: number, limit: number): number =>
  countDeleted(tables, tables.jobs.prune({ before, limit }))
