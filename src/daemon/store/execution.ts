// Owns what each operation does to the tables and the tally. It runs inside a transaction that somebody else opened and
// commits; it never opens, commits or undoes one, and never answers anybody.

import type { DatabaseSync } from 'node:sqlite'
import { errorMessage } from '../../protocol/error.ts'
import { isResident } from '../affinity.ts'
import { admit, isFinal, type NewJob, type QueueLimits, type State } from '../job.ts'
import { createAnswers } from './answers.ts'
import { createBodies } from './bodies.ts'
import { createClaimable } from './claimable.ts'
import { type JobRow, jobOf, rowOf } from './job-row.ts'
import { createJobs } from './jobs.ts'
import type { Durability, Operation, Result } from './operation.ts'
import { createQueueState } from './queue-state.ts'
import type { ApplyResult, Backlog, Change, ClaimRequest, ClaimResult, EnqueueResult, Recovery } from './store.ts'
import { createTally, type Tally } from './tally.ts'

/**
 * The operation concerns a job that nobody holds the line for (or none that is known yet), so it belongs into the transaction
 * that is synced. What it has done so far must be undone.
 */
export const ELSEWHERE = Symbol('elsewhere')

export interface Execution {
  readonly tally: Tally
  run(operation: Operation, durability: Durability): Result | typeof ELSEWHERE
}

export function createExecution(db: DatabaseSync): Execution {
  const jobs = createJobs(db)
  const bodies = createBodies(db)
  const answers = createAnswers(db)
  const claimable = createClaimable(db)
  const queueState = createQueueState(db)
  const counted: Record<State, number> = { queued: 0, loading: 0, working: 0, done: 0, failed: 0, cancelled: 0 }
  for (const { state, jobs: count } of jobs.countByState()) counted[state] = count
  const tally = createTally(counted, jobs.waitingByModel())

  const moved = (from: State | null, to: State | null, row: Pick<JobRow, 'normalised_model' | 'body_bytes'>): void =>
    tally.move({ from, to, model: row.normalised_model, bytes: row.body_bytes })

  function enqueue(job: NewJob, limits: QueueLimits): EnqueueResult {
    if (admit(job.body.byteLength, tally.depth, limits) === 'queue_full') return { kind: 'queue_full' }
    const row = jobs.insert(rowOf(job, queueState.enqueued(job.affinity)))
    bodies.put(row.sequence, job.body)
    moved(null, 'queued', row)
    return { kind: 'enqueued', job: jobOf(row) }
  }

  function claim(request: ClaimRequest, durability: Durability): ClaimResult | typeof ELSEWHERE {
    claimable.promote(request.now)
    const next = claimable.next(request, queueState.read().swappedAwake)
    if (next === null) return { kind: 'empty', availableAt: claimable.firstBackoff() }
    if (next.caller === 'none' && durability === 'line') return ELSEWHERE
    const event = isResident(next.affinity, request.residency) ? 'claimed_warm' : 'claimed_cold'
    const row = jobs.claim(next.sequence, event, request.now)
    const body = bodies.get(next.sequence)
    if (row === null || body === null) throw new Error(`job ${next.sequence} is queued, but cannot be claimed`)
    const swapped = queueState.sent(row.affinity, request.awake)
    moved('queued', row.state, row)
    tally.count(swapped ? 1 : 0, row.attempt + row.bounces === 1 ? row.fifo_swap : 0)
    return { kind: 'claimed', job: jobOf(row), body, swapped }
  }

  function apply(change: Change, durability: Durability): ApplyResult | typeof ELSEWHERE {
    const before = jobs.find(change.id)
    // Its enqueue may stand in the same batch, in the other transaction.
    if (before?.caller !== 'live' && durability === 'line') return ELSEWHERE
    const after = before === null ? null : jobs.change(change)
    if (before === null || after === null) return { kind: 'conflict' }
    moved(before.state, after.state, after)
    if (isFinal(after.state) && after.caller === 'live') bodies.drop(after.sequence)
    if (isFinal(after.state) && after.caller === 'none' && change.answer) answers.put(after.sequence, change.answer)
    return { kind: 'applied', job: jobOf(after) }
  }

  function recover(now: number, maxAttempts: number): Recovery {
    const found = { requeued: 0, failed: 0, cancelled: 0 }
    for (const { id, caller, attempt } of jobs.interruptible()) {
      if (caller === 'live') {
        found.cancelled += 1
        apply(
          { id, event: 'cancelled', now, error: { code: 'crashed', message: errorMessage('crashed'), status: null } },
          'disk',
        )
      } else if (attempt < maxAttempts) {
        found.requeued += 1
        apply({ id, event: 'recovered', now }, 'disk')
      } else {
        found.failed += 1
        const message = errorMessage('attempts_exhausted', { attempts: attempt })
        apply(
          { id, event: 'attempts_exhausted', now, error: { code: 'attempts_exhausted', message, status: null } },
          'disk',
        )
      }
    }
    return found
  }

  function interruptAll(now: number): null {
    const error = { code: 'shutting_down', message: errorMessage('shutting_down'), status: null } as const
    for (const { id, caller } of jobs.interruptible()) {
      apply(caller === 'live' ? { id, event: 'cancelled', now, error } : { id, event: 'interrupted', now }, 'disk')
    }
    return null
  }

  function prune(before: number, limit: number): number {
    const pruned = jobs.prune(before, limit)
    for (const row of pruned) moved(row.state, null, row)
    return pruned.length
  }

  function backlog(): Backlog[] {
    return tally.waiting().map(({ model, jobs: count }) => {
      const oldestAt = jobs.oldestWaitingOf(model)
      if (oldestAt === null) throw new Error(`${count} jobs of ${model} are counted as waiting, but none is there`)
      return { model, jobs: count, oldestAt }
    })
  }

  function read(id: string) {
    const row = jobs.find(id)
    return row === null ? null : jobOf(row)
  }

  function run(operation: Operation, durability: Durability): Result | typeof ELSEWHERE {
    switch (operation.name) {
      case 'enqueue':
        return enqueue(operation.job, operation.limits)
      case 'claim':
        return claim(operation.request, durability)
      case 'apply':
        return apply(operation.change, durability)
      case 'orphan':
        return jobs.orphan(operation.id, operation.now)
      case 'adopt':
        return jobs.adopt(operation.id)
      case 'get':
        return read(operation.id)
      case 'answer':
        return answers.get(operation.id)
      case 'list':
        return jobs.list(operation.limit).map(jobOf)
      case 'backlog':
        return backlog()
      case 'countByState':
        return tally.states
      case 'queueState':
        return queueState.read()
      case 'setPaused':
        queueState.setPaused(operation.paused)
        return null
      case 'recover':
        return recover(operation.now, operation.maxAttempts)
      case 'interruptAll':
        return interruptAll(operation.now)
      case 'prune':
        return prune(operation.before, operation.limit)
      case 'ballast':
        queueState.setBallast(operation.bytes)
        return null
    }
  }

  return { tally, run }
}
