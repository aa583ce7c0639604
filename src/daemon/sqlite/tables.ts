// The tables of the store, and the counters kept beside them, over one database connection. Every method runs inside a
// transaction that transaction.ts opens and commits.

import type { DatabaseSync } from 'node:sqlite'
import { createArtifacts } from './artifacts.ts'
import { createChanges } from './changes.ts'
import { createClaimable } from './claimable.ts'
import { createDeadlines } from './deadlines.ts'
import { createDeliveries } from './deliveries.ts'
import { createJobList } from './job-list.ts'
import { createJobs } from './jobs.ts'
import { createQueueCounters } from './queue-counters.ts'
import { countPlaces, createQueuePositions } from './queue-positions.ts'
import { createQueueState } from './queue-state.ts'
import { statementsOf } from './statement.ts'
import { createBodies, createIdempotency } from './submissions.ts'

/** `unsynced`: committed without an fsync, for jobs whose caller waits on the connection. `synced`: on disk before the answer. */
export type Durability = 'unsynced' | 'synced'

export type Tables = ReturnType<typeof createTables>

/** What an operation gets. */
export interface OperationContext extends Tables {
  /** The durability of the transaction that the operation runs in. */
  readonly durability: Durability
}

export function createTables(db: DatabaseSync) {
  const statements = statementsOf(db)
  const jobs = createJobs(statements)
  const counters = createQueueCounters(jobs.countByState(), jobs.waitingByModel(), countPlaces(statements))
  return {
    jobs,
    counters,
    positions: createQueuePositions(statements, counters),
    bodies: createBodies(statements),
    idempotency: createIdempotency(statements),
    claimable: createClaimable(statements),
    changes: createChanges(statements),
    artifacts: createArtifacts(statements),
    deliveries: createDeliveries(statements),
    deadlines: createDeadlines(statements),
    queueState: createQueueState(statements),
    list: createJobList(statements),
  }
}
