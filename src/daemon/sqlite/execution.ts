// Owns which part of the store does what is asked: the tables are put together here, and each operation has its line. It
// runs inside a transaction that somebody else opened and commits; it never opens, commits or undoes one.

import type { DatabaseSync } from 'node:sqlite'
import type { State } from '../domain/job.ts'
import { createArtifacts } from './artifacts.ts'
import { createBodies } from './bodies.ts'
import { createChanges } from './changes.ts'
import { createClaimable } from './claimable.ts'
import { createDeadlines } from './deadlines.ts'
import { createDeliveries } from './deliveries.ts'
import { createHistory } from './history.ts'
import { createIdempotency } from './idempotency.ts'
import { createInterruption } from './interruption.ts'
import { createJobList } from './job-list.ts'
import { createJobs } from './jobs.ts'
import type { Durability, OperationResult, StoreOperation } from './operation.ts'
import { createQueueCounters, type QueueCounters } from './queue-counters.ts'
import { createQueuePositions } from './queue-positions.ts'
import { createQueueState } from './queue-state.ts'
import { createQueueing, type ELSEWHERE } from './queueing.ts'
import { createReading } from './reading.ts'

export interface Execution {
  readonly counters: QueueCounters
  run(operation: StoreOperation, durability: Durability): OperationResult | typeof ELSEWHERE
}

export function createExecution(db: DatabaseSync): Execution {
  const jobs = createJobs(db)
  const artifacts = createArtifacts(db)
  const changes = createChanges(db)
  const deliveries = createDeliveries(db)
  const deadlines = createDeadlines(db)
  const queueState = createQueueState(db)
  const positions = createQueuePositions(db)
  const counters = countersOf(jobs.countByState(), jobs.waitingByModel(), positions.count())
  const history = createHistory(changes, deliveries, artifacts)
  const queueing = createQueueing({
    ...{ jobs, queueState, history, positions, counters },
    ...{ bodies: createBodies(db), claimable: createClaimable(db), idempotency: createIdempotency(db) },
  })
  const interruption = createInterruption(jobs, queueing)
  const reading = createReading({
    ...{ jobs, artifacts, changes, deliveries, positions, counters },
    list: createJobList(db),
  })

  /** The sequence of a job for what hangs on it; null: there is none. */
  const sequenceOf = (id: string): number | null => jobs.find(id)?.sequence ?? null

  function run(operation: StoreOperation, durability: Durability): OperationResult | typeof ELSEWHERE {
    switch (operation.name) {
      case 'enqueue':
        return queueing.enqueue(operation.job, operation.limits, operation.residency)
      case 'replay':
        return queueing.replay(operation.idempotency)
      case 'retry':
        return queueing.retry(operation.retry, operation.limits)
      case 'claim':
        return queueing.claim(operation.request, durability)
      case 'apply':
        return queueing.apply(operation.change, durability)
      case 'orphan':
        return queueing.orphan(operation.id, operation.now)
      case 'adopt':
        return queueing.adopt(operation.id)
      case 'forget':
        return queueing.forget(operation.id)
      case 'prune':
        return queueing.prune(operation.before, operation.limit)
      case 'get':
        return reading.get(operation.id)
      case 'detail':
        return reading.detail(operation.id, operation.residency)
      case 'list':
        return reading.list(operation.filter, operation.residency)
      case 'changes':
        return reading.changes(operation.id)
      case 'artifact':
        return artifacts.read(operation.id, operation.artifact, operation.from, operation.to)
      case 'dueDeliveries':
        return deliveries.due(operation.request)
      case 'settleDelivery': {
        const sequence = sequenceOf(operation.settlement.jobId)
        return sequence !== null && deliveries.settle(sequence, operation.settlement)
      }
      case 'recallDeliveries':
        return deliveries.recall(operation.recall)
      case 'redeliver': {
        const sequence = sequenceOf(operation.id)
        return sequence !== null && deliveries.redeliver(sequence, operation.n, operation.now)
      }
      case 'pendingDeliveries':
        return deliveries.pending()
      case 'overdue':
        return deadlines.overdue(operation.now, operation.limit)
      case 'backlog':
        return reading.backlog()
      case 'countByState':
        return counters.states
      case 'queueState':
        return queueState.read()
      case 'pastRuns':
        return jobs.pastRuns(operation.limit)
      case 'queueView':
        return reading.queueView(operation.residency, queueState.read())
      case 'setPause':
        queueState.setPause(operation.pause)
        return null
      case 'recover':
        return interruption.recover(operation.now, operation.maxAttempts)
      case 'interruptAll':
        interruption.interruptAll(operation.now)
        return null
      case 'ballast':
        queueState.setBallast(operation.bytes)
        return null
    }
  }

  return { counters, run }
}

function countersOf(
  byState: readonly { readonly state: State; readonly jobs: number }[],
  ...waiting: [Parameters<typeof createQueueCounters>[1], Parameters<typeof createQueueCounters>[2]]
): QueueCounters {
  const counted: Record<State, number> = { queued: 0, loading: 0, working: 0, done: 0, failed: 0, cancelled: 0 }
  for (const { state, jobs } of byState) counted[state] = jobs
  return createQueueCounters(counted, ...waiting)
}
