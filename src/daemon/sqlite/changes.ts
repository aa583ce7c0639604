// Table of state changes: the history of async jobs. A waiting call writes none, to keep its path fast; its changes are
// derived from its row.

import { isFinal, type Job, type State, type StateChange } from '../domain/job.ts'
import type { Statements } from './statement.ts'

export const CHANGES_SQL =
  'SELECT number, state, previous, attempt, at FROM changes WHERE sequence = $sequence ORDER BY number'

export function createChanges({ all, run }: Statements) {
  const ofJob = all<StateChange, { sequence: number }>(CHANGES_SQL)
  return {
    put: run<StateChange & { sequence: number }>(
      `INSERT INTO changes (sequence, number, state, previous, attempt, at)
       VALUES ($sequence, $number, $state, $previous, $attempt, $at)`,
    ),
    /** Returns the changes of a job, oldest first. */
    // Rows of node:sqlite lack a prototype, which makes deep comparisons fail.
    all: (sequence: number) => ofJob({ sequence }).map((row) => ({ ...row })),
  }
}

/**
 * Derives changes from a job's row: its start, its last attempt and its present state. They are numbered from the end, so
 * that a number is the same as in the live events. Voided attempts leave a gap.
 */
export function recalledChanges(job: Job): StateChange[] {
  const { changes, state, attempt, createdAt, claimedAt, workingAt, finishedAt } = job
  const later: { state: State; at: number }[] = []
  if (claimedAt !== null) {
    if (workingAt === null || workingAt > claimedAt) later.push({ state: 'loading', at: claimedAt })
    if (workingAt !== null) later.push({ state: 'working', at: workingAt })
  }
  const lastAt = finishedAt ?? workingAt ?? claimedAt ?? createdAt
  if (isFinal(state) || (state === 'queued' && changes > 1)) later.push({ state, at: lastAt })
  const first = { number: 1, state: 'queued', previous: null, attempt: 0, at: createdAt } as const
  const rest = later.map((one, index) => ({
    number: changes - later.length + 1 + index,
    state: one.state,
    previous: later[index - 1]?.state ?? first.state,
    attempt,
    at: one.at,
  }))
  return [first, ...rest]
}
