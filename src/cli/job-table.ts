// Table of jobs for a terminal of 80 columns, one line a job. Pure.

import type { JobSummary } from '../protocol/wire.ts'
import { etaText, paintState, ranText } from './job-words.ts'
import { age, type Column, type Painter, printable, styled, table } from './terminal.ts'

/** The cells of one job. Kept as text: a list of thousands of jobs needs only these. */
export type TableRow = readonly string[]

export const jobRow = (job: JobSummary, now: number): TableRow => [
  printable(job.job_id),
  printable(job.state),
  printable(job.model),
  printable(job.label ?? ''),
  age(now - Date.parse(job.created_at)),
  job.state === 'queued' ? aheadCell(job) : '',
  // A waiting job has an ETA and has not run, so both share a column.
  job.state === 'queued' ? etaText(job) : ranText(job),
]

/** `next`, the number of jobs ahead, or a dash if unknown. */
export const aheadCell = ({ position }: JobSummary): string =>
  position === null ? '–' : position === 0 ? 'next' : String(position)

export function jobTable(rows: readonly TableRow[], width: number, style: Painter = styled): string[] {
  const columns: Column[] = [
    { heading: 'JOB' },
    { heading: 'STATE', paint: (cell) => paintState(cell, style) },
    { heading: 'MODEL', shrinks: true },
    { heading: 'LABEL', shrinks: true },
    { heading: 'AGE', align: 'right' },
    { heading: 'AHEAD', align: 'right' },
    { heading: rows.some((row) => row[5] !== '') ? 'ETA/RAN' : 'RAN', align: 'right' },
  ]
  // A column without a value is left out: LABEL if no job has one, AHEAD if no job waits.
  const used = columns.map((_, index) => ![3, 5].includes(index) || rows.some((row) => row[index] !== ''))
  const isUsed = (_: unknown, index: number): boolean => used[index] ?? false
  const [head = '', ...lines] = table(
    columns.filter(isUsed),
    rows.map((row) => row.filter(isUsed)),
    width,
  )
  return [style('bold', head), ...lines]
}
