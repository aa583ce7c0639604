// Operations that only read jobs, their history and their artifacts.

import type { Turn } from '../domain/affinity.ts'
import type { Job, QueuePosition, StateChange } from '../domain/job.ts'
import type { JobDetail } from '../domain/job-document.ts'
import type { Backlog } from '../domain/load-counters.ts'
import type { Artifacts } from './artifacts.ts'
import { type ChangesTable, recalledChanges } from './changes.ts'
import type { DeliveriesTable } from './deliveries.ts'
import type { JobListTable } from './job-list.ts'
import { jobOf } from './job-row.ts'
import type { JobsTable } from './jobs.ts'
import type { QueueCounters } from './queue-counters.ts'
import type { QueuePositions } from './queue-positions.ts'
import type { JobFilter, QueueState, QueueView } from './store.ts'

export interface JobReader {
  get(id: string): Job | null
  detail(id: string, residency: Turn): JobDetail | null
  list(filter: JobFilter, residency: Turn): { readonly job: Job; readonly queuePosition: QueuePosition | null }[]
  changes(id: string): StateChange[] | null
  backlog(): readonly Backlog[]
  queueView(residency: Turn, state: QueueState): QueueView
}

export interface ReadingParts {
  readonly jobs: Pick<JobsTable, 'find' | 'oldestWaitingOf'>
  readonly list: JobListTable
  readonly artifacts: Pick<Artifacts, 'entries' | 'result'>
  readonly changes: Pick<ChangesTable, 'all'>
  readonly deliveries: Pick<DeliveriesTable, 'all'>
  readonly positions: QueuePositions
  readonly counters: Pick<QueueCounters, 'blocks' | 'waiting'>
}

export function createReading({
  jobs,
  artifacts,
  changes,
  deliveries,
  positions,
  counters,
  ...parts
}: ReadingParts): JobReader {
  return {
    get(id) {
      const row = jobs.find(id)
      return row === null ? null : jobOf(row)
    },
    detail(id, residency) {
      const row = jobs.find(id)
      if (row === null) return null
      const { sequence, caller, finished_at: finishedAt, webhook_url: url } = row
      const entries = caller === 'none' && finishedAt !== null ? artifacts.entries(sequence) : []
      return {
        job: jobOf(row),
        artifacts: entries,
        deliveries: url === null ? [] : deliveries.all(sequence),
        result: caller === 'none' && finishedAt !== null ? artifacts.result(sequence, entries) : null,
        queuePosition: positions.of(residency, counters.blocks)(row),
      }
    },
    list(filter, residency) {
      const positionFor = positions.of(residency, counters.blocks)
      return parts.list(filter).map((row) => ({ job: jobOf(row), queuePosition: positionFor(row) }))
    },
    changes(id) {
      const row = jobs.find(id)
      if (row === null) return null
      return row.caller === 'live' ? recalledChanges(jobOf(row)) : changes.all(row.sequence)
    },
    backlog: () =>
      counters.waiting().map(({ model, jobs: count }) => {
        const oldest = jobs.oldestWaitingOf(model)
        if (oldest === null) throw new Error(`${count} jobs of ${model} are counted as waiting, but none is there`)
        return { model, jobs: count, oldestAt: oldest.created_at }
      }),
    queueView(residency, { swappedAwake, swappedAt }) {
      const positionFor = positions.of(residency, counters.blocks)
      const firsts = counters.waiting().flatMap(({ model }) => {
        const row = jobs.oldestWaitingOf(model)
        return row === null ? [] : [{ model, job: jobOf(row), queuePosition: positionFor(row) }]
      })
      return { swappedAwake, swappedAt, oldest: positions.oldestJob(), firsts }
    },
  }
}
