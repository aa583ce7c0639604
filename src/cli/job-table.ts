// Owns how many jobs read on a terminal of 80 columns, a line each. Pure.

import type { JobSummary } from '../protocol/wire.ts'
import { etaText, paintState, ranText } from './job-words.ts'
import { age, type Column, type Painter, printable, styled, table } from './terminal.ts'

/** Kept as text, because of thousands of jobs only their lines are needed. */
export type TableRow = readonly string[]

export const jobRow = (job: JobSummary, now: number): TableRow => [
  printable(job.job_id),
  printable(job.state),
  printable(job.model),
  printable(job.label ?? ''),
  age(now - Date.parse(job.created_at)),
  job.state === 'queued' ? `${PLACE}${job.position ?? '?'} ${etaText(job)}` : ranText(job),
]

/** Nothing runs while it waits, so place and ETA share a column with how long it ran. */
const PLACE = '#'

export function jobTable(rows: readonly TableRow[], width: number, style: Painter = styled): string[] {
  const columns: Column[] = [
    { heading: 'JOB' },
    { heading: 'STATE', paint: (cell) => paintState(cell, style) },
    { heading: 'MODEL', shrinks: true },
    { heading: 'LABEL', shrinks: true },
    { heading: 'AGE', align: 'right' },
    { heading: rows.some((row) => row[5]?.startsWith(PLACE)) ? 'RAN/#PLACE' : 'RAN', align: 'right' },
  ]
  // Labels are for those who use them.
  const used = columns.map((_, index) => index !== 3 || rows.some((row) => row[3] !== ''))
  const isUsed = (_: unknown, index: number): boolean => used[index] ?? false
  const [head = '', ...lines] = table(
    columns.filter(isUsed),
    rows.map((row) => row.filter(isUsed)),
    width,
  )
  return [style('bold', head), ...lines]
}
