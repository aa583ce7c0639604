// Queries for deadlines: the jobs that missed one, and the time of the next. Each is one step into a partial index. They
// change nothing.

import type { Statements } from './statement.ts'

/** A job whose deadline has passed. */
export interface Overdue {
  readonly id: string
  readonly code: 'start_before_passed' | 'finish_before_passed'
  /** The deadline that the caller set, ms. */
  readonly limitMs: number
}

export const DEADLINE_SQL = {
  start: `SELECT id, start_before_ms AS limit_ms, created_at + start_before_ms AS at
    FROM jobs INDEXED BY start_deadlines
    WHERE start_before_ms IS NOT NULL AND started_at IS NULL AND finished_at IS NULL
    ORDER BY created_at + start_before_ms LIMIT $limit`,
  finish: `SELECT id, finish_before_ms AS limit_ms, created_at + finish_before_ms AS at
    FROM jobs INDEXED BY finish_deadlines
    WHERE finish_before_ms IS NOT NULL AND finished_at IS NULL
    ORDER BY created_at + finish_before_ms LIMIT $limit`,
}

interface DeadlineRow {
  readonly id: string
  readonly limit_ms: number
  readonly at: number
}

export function createDeadlines({ all }: Statements) {
  const start = all<DeadlineRow, { limit: number }>(DEADLINE_SQL.start)
  const finish = all<DeadlineRow, { limit: number }>(DEADLINE_SQL.finish)
  return {
    /** `nextAt` is the next deadline (wall ms); null if no job has one. */
    overdue(given: number, limit: number): { readonly overdue: readonly Overdue[]; readonly nextAt: number | null } {
      const now = Math.round(given)
      const rows = [
        ...start({ limit: limit + 1 }).map((row) => ({ ...row, code: 'start_before_passed' as const })),
        ...finish({ limit: limit + 1 }).map((row) => ({ ...row, code: 'finish_before_passed' as const })),
      ].sort((a, b) => a.at - b.at)
      // A job that missed both reports the one that it missed first.
      const first = new Map<string, Overdue>()
      for (const { id, code, limit_ms: limitMs, at } of rows) {
        if (at <= now && first.size < limit && !first.has(id)) first.set(id, { id, code, limitMs })
      }
      return { overdue: [...first.values()], nextAt: rows.find(({ id }) => !first.has(id))?.at ?? null }
    },
  }
}
