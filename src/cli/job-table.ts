// Tables of jobs on a terminal, one line a job, for `foreman jobs` and `foreman top`. Pure.

import type { JobSummary } from '../protocol/wire.ts'
import { aheadText, etaText, paintState, ranText, speedText } from './job-words.ts'
import { type Column, printable, since, table } from './terminal.ts'

interface JobColumn extends Omit<Column, 'heading'> {
  cell(job: JobSummary, now: number): string
  /** Left out if no job has a value. */
  readonly isOptional?: true
}

const state: JobColumn = { cell: (job) => job.state, paint: paintState }
const sinceCreated: JobColumn = { cell: ({ created_at }, now) => since(created_at, now), align: 'right' }

/** By heading. */
const COLUMNS = {
  JOB: { cell: ({ job_id }) => job_id },
  STATE: state,
  ENDED: state,
  MODEL: { cell: ({ model }) => model, shrinks: true },
  LABEL: { cell: ({ label }) => label ?? '', shrinks: true, isOptional: true },
  AGE: sinceCreated,
  WAITED: sinceCreated,
  AHEAD: {
    cell: (job) => (job.state === 'queued' ? aheadText(job.position).replace(' ahead', '') : ''),
    align: 'right',
    isOptional: true,
  },
  ETA: { cell: etaText, align: 'right' },
  RAN: { cell: ranText, align: 'right' },
  // A waiting job has an ETA and has not run, so both share a column.
  'ETA/RAN': { cell: (job) => (job.state === 'queued' ? etaText(job) : ranText(job)), align: 'right' },
  'TOK/S': { cell: speedText, align: 'right' },
  AGO: { cell: ({ finished_at }, now) => (finished_at === null ? '' : since(finished_at, now)), align: 'right' },
} satisfies Record<string, JobColumn>

export type JobHeading = keyof typeof COLUMNS

/** The columns of `foreman jobs`. */
export const LIST: readonly JobHeading[] = ['JOB', 'STATE', 'MODEL', 'LABEL', 'AGE', 'AHEAD', 'ETA/RAN']

/** The cells of one job. Kept as text: a list of thousands of jobs needs only these. */
export const jobCells = (headings: readonly JobHeading[], job: JobSummary, now: number): readonly string[] =>
  headings.map((heading) => printable(COLUMNS[heading].cell(job, now)))

export function jobTable(
  headings: readonly JobHeading[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const waits = rows.some((row) => row[headings.indexOf('AHEAD')] !== '')
  const columns = headings.map((name): JobColumn & Column => ({
    heading: name === 'ETA/RAN' && !waits ? 'RAN' : name,
    ...COLUMNS[name],
  }))
  const used = columns.map(({ isOptional }, index) => isOptional !== true || rows.some((row) => row[index] !== ''))
  const isUsed = (_: unknown, index: number): boolean => used[index] === true
  return table(
    columns.filter(isUsed),
    rows.map((row) => row.filter(isUsed)),
    width,
  )
}
