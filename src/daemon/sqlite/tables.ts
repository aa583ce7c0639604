// The tables of the store, put together over one database connection. Every method runs inside a transaction that
// transaction.ts opens and commits.

import type { DatabaseSync } from 'node:sqlite'
import type { State } from '../domain/job.ts'
import { type Artifacts, createArtifacts } from './artifacts.ts'
import { createBodies } from './bodies.ts'
import { createChanges } from './changes.ts'
import { createClaimable } from './claimable.ts'
import { createDeadlines, type DeadlinesTable } from './deadlines.ts'
import { createDeliveries, type DeliveriesTable } from './deliveries.ts'
import { createHistory } from './history.ts'
import { createIdempotency } from './idempotency.ts'
import { createInterruption, type Interruption } from './interruption.ts'
import { createJobList } from './job-list.ts'
import { createJobs, type JobsTable } from './jobs.ts'
import { createQueueCounters, type QueueCounters } from './queue-counters.ts'
import { createQueuePositions } from './queue-positions.ts'
import { createQueueState, type QueueStateTable } from './queue-state.ts'
import { createQueueing, type Queueing } from './queueing.ts'
import { createReading, type JobReader } from './reading.ts'

export interface Tables {
  readonly jobs: JobsTable
  readonly artifacts: Artifacts
  readonly deliveries: DeliveriesTable
  readonly deadlines: DeadlinesTable
  readonly queueState: QueueStateTable
  readonly counters: QueueCounters
  readonly queueing: Queueing
  readonly interruption: Interruption
  readonly reading: JobReader
}

export function createTables(db: DatabaseSync): Tables {
  const jobs = createJobs(db)
  const artifacts = createArtifacts(db)
  const changes = createChanges(db)
  const deliveries = createDeliveries(db)
  const queueState = createQueueState(db)
  const positions = createQueuePositions(db)
  const counters = countersOf(jobs.countByState(), jobs.waitingByModel(), positions.count())
  const history = createHistory(changes, deliveries, artifacts)
  const queueing = createQueueing({
    ...{ jobs, queueState, history, positions, counters },
    ...{ bodies: createBodies(db), claimable: createClaimable(db), idempotency: createIdempotency(db) },
  })
  const reading = createReading({
    ...{ jobs, artifacts, changes, deliveries, positions, counters },
    list: createJobList(db),
  })
  return {
    ...{ jobs, artifacts, deliveries, queueState, counters, queueing, reading },
    deadlines: createDeadlines(db),
    interruption: createInterruption(jobs, queueing),
  }
}

function countersOf(
  byState: readonly { readonly state: State; readonly jobs: number }[],
  ...waiting: [Parameters<typeof createQueueCounters>[1], Parameters<typeof createQueueCounters>[2]]
): QueueCounters {
  const counted: Record<State, number> = { queued: 0, loading: 0, working: 0, done: 0, failed: 0, cancelled: 0 }
  for (const { state, jobs } of byState) counted[state] = jobs
  return createQueueCounters(counted, ...waiting)
}
