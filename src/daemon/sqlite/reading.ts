// Operations that only read jobs, their history and the queue.

import type { Turn } from '../domain/affinity.ts'
import type { OldestJob } from '../domain/drain-order.ts'
import type { Job, QueuePosition, StateChange } from '../domain/job.ts'
import type { JobDetail } from '../domain/job-document.ts'
import type { Backlog } from '../domain/load-counters.ts'
import { recalledChanges } from './changes.ts'
import type { JobFilter } from './job-list.ts'
import { jobOf } from './job-row.ts'
import type { Tables } from './tables.ts'

/** The queue as a whole, for GET /status. */
export interface QueueView {
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
  /** When the last swap was, wall ms; null if unknown. */
  readonly swappedAt: number | null
  /** The oldest job that can be claimed; null if there are none. */
  readonly oldest: OldestJob | null
  /** The oldest waiting job of each model, orphans included. */
  readonly firsts: readonly (ListedJob & { readonly model: string })[]
}

interface ListedJob {
  readonly job: Job
  readonly queuePosition: QueuePosition | null
}

export function get({ jobs }: Tables, id: string): Job | null {
  const row = jobs.find({ id })
  return row === null ? null : jobOf(row)
}

export function detail(tables: Tables, id: string, residency: Turn): JobDetail | null {
  const { jobs, artifacts, deliveries, positions } = tables
  const row = jobs.find({ id })
  if (row === null) return null
  const { sequence } = row
  const hasOutput = row.caller === 'none' && row.finished_at !== null
  const entries = hasOutput ? artifacts.entries(sequence) : []
  return {
    job: jobOf(row),
    artifacts: entries,
    deliveries: row.webhook_url === null ? [] : deliveries.all(sequence),
    result: hasOutput ? artifacts.result(sequence, entries) : null,
    queuePosition: positions.of(residency)(row),
  }
}

export function list(tables: Tables, filter: JobFilter, residency: Turn): ListedJob[] {
  const positionFor = tables.positions.of(residency)
  return tables.list(filter).map((row) => ({ job: jobOf(row), queuePosition: positionFor(row) }))
}

export function changes(tables: Tables, id: string): StateChange[] | null {
  const row = tables.jobs.find({ id })
  if (row === null) return null
  return row.caller === 'live' ? recalledChanges(jobOf(row)) : tables.changes.all(row.sequence)
}

export const backlog = ({ jobs, counters }: Tables): readonly Backlog[] =>
  counters.waiting().map(({ model, jobs: count }) => {
    const oldest = jobs.oldestWaitingOf({ model })
    if (oldest === null) throw new Error(`${count} jobs of ${model} are counted as waiting, but none is there`)
    return { model, jobs: count, oldestAt: oldest.created_at }
  })

export function queueView({ jobs, counters, positions, queueState }: Tables, residency: Turn): QueueView {
  const { swappedAwake, swappedAt } = queueState.read()
  const positionFor = positions.of(residency)
  const firsts = counters.waiting().flatMap(({ model }) => {
    const row = jobs.oldestWaitingOf({ model })
    return row === null ? [] : [{ model, job: jobOf(row), queuePosition: positionFor(row) }]
  })
  return { swappedAwake, swappedAt, oldest: positions.oldestJob(), firsts }
}
