// Owns how many jobs read on a terminal of 80 columns, a line each. Pure.

import type { JobSummary } from '../protocol/wire.ts'
import { etaText, paintState, ranText } from './job-words.ts'
import { age, type Column, type Painter, printable, styled, table } from './terminal.ts'

/** Kept as text, because of thousands of jobs only their lines are needed. */
export type JobRow = readonly string[]

export const jobRow = (job: JobSummary, now: number): JobRow => [
  printable(job.job_id),
  printable(job.state),
  printable(job.model),
  printable(job.label ?? ''),
  age(now - Date.parse(job.created_at)),
  ranText(job),
  job.state === 'queued' ? `${job.position ?? '?'}, ${etaText(job)}` : printable(job.error?.code ?? ''),
]

export function jobTable(rows: readonly JobRow[], width: number, style: Painter = styled): string[] {
  const columns: Column[] = [
    { heading: 'JOB' },
    { heading: 'STATE', paint: (cell) => paintState(cell, style) },
    { heading: 'MODEL', shrinks: true },
    { heading: 'LABEL', shrinks: true },
    { heading: 'AGE', align: 'right' },
    { heading: 'RAN', align: 'right' },
    { heading: rows.some((row) => row[1] === 'queued') ? 'PLACE, ETA' : 'WHY', shrinks: true },
  ]
  // A column that nobody fills is no column.
  const used = columns.map((_, index) => index < 3 || rows.some((row) => row[index] !== '' && row[index] !== '–'))
  const isUsed = (_: unknown, index: number): boolean => used[index] ?? false
  const [head = '', ...lines] = table(
    columns.filter(isUsed),
    rows.map((row) => row.filter(isUsed)),
    width,
  )
  return [style('bold', head), ...lines]
}
