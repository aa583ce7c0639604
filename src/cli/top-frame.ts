// One frame of `foreman top`: target, running job, queue and latest finished jobs, fitted to the size of the terminal. Pure.

import type { JobSummary, StatusDocument } from '../protocol/wire.ts'
import { type JobHeading, jobCells, jobTable } from './job-table.ts'
import type { Size } from './screen.ts'
import {
  drainLines,
  pauseLines,
  runningLines,
  type SeenAnswer,
  targetLines,
  waitingLine,
  waitingTable,
} from './status-lines.ts'
import { age, cut, displayWidth, printable, styled } from './terminal.ts'

/** What the last requests answered. */
export interface Top {
  readonly url: string
  /** Null before the first answer. */
  readonly status: StatusDocument | null
  /** Waiting jobs, unordered. */
  readonly waiting: readonly JobSummary[]
  /** Finished jobs, unordered. */
  readonly finished: readonly JobSummary[]
  /** Answer of the running job. */
  readonly answer: SeenAnswer
  /** The last failed request; null after a successful one. */
  readonly trouble: { readonly text: string; readonly forMs: number } | null
  /** Whether keys can be read, so that the last line names them. */
  readonly hasKeys: boolean
}

/** A table that may be shown in part. */
interface Section {
  /** Lines before its first row. */
  readonly head: number
  readonly rows: number
  lines(rows: number): string[]
}

export function frame(top: Top, { columns, rows }: Size, now: number): string[] {
  const { status, hasKeys } = top
  const width = Math.max(columns, 40)
  const lines = [titleLine(top, width, now)]
  const bottom = rows - (hasKeys ? 1 : 0)
  if (status !== null) {
    // Many resident models must not push the queue off the screen.
    lines.push(...targetLines(status, width, now).slice(0, Math.max(2, rows - 18)))
    const gap = rows < 16 ? [] : ['']
    lines.push(...gap, ...pauseLines(status, width, now), ...runningLines(status, width, top.answer), ...gap)
    if (rows >= 20) lines.push(...drainLines(status, width, now))
    lines.push(waitingLine(status))
    const sections = sectionsOf(top, status, width, now)
    const shares = share(sections, bottom - lines.length)
    for (const [index, section] of sections.entries()) {
      const own = shares[index] ?? 0
      if (own > 0) lines.push(...section.lines(own))
    }
  }
  if (hasKeys) {
    lines.length = Math.min(lines.length, Math.max(1, bottom))
    while (lines.length < bottom) lines.push('')
    lines.push(styled('dim', status === null ? 'q quit' : `q quit   p ${status.paused ? 'resume' : 'pause'}`))
  }
  // A terminal without wrapping overwrites its last column with the rest of a long line: `3.4` became `4`.
  return lines.slice(0, rows).map((line) => cut(line, columns))
}

/** Rows of each section: one row to each in turn, until the room or the rows are used up. */
function share(sections: readonly Section[], room: number): number[] {
  const shares = sections.map(() => 0)
  for (let left = room, isGiven = true; isGiven; ) {
    isGiven = false
    sections.forEach(({ head, rows }, index) => {
      const own = shares[index] ?? 0
      const cost = own === 0 ? head + 1 : 1
      if (own >= rows || cost > left) return
      shares[index] = own + 1
      left -= cost
      isGiven = true
    })
  }
  return shares
}

function titleLine({ url, status, trouble }: Top, width: number, now: number): string {
  const clock = new Date(now).toTimeString().slice(0, 8)
  const room = width - clock.length - 2
  const retry = trouble === null ? '' : `, trying again (${age(trouble.forMs)})`
  const title = trouble === null ? `foreman ${printable(status?.version ?? '')} at ${printable(url)}` : trouble.text
  const text = cut(printable(title).replace('  ', ' '), room - retry.length) + retry
  const padding = ' '.repeat(Math.max(2, width - displayWidth(text) - clock.length))
  return `${styled(trouble === null ? 'bold' : 'yellow', text)}${padding}${styled('dim', clock)}`
}

const place = ({ position }: JobSummary): number => position ?? Number.MAX_SAFE_INTEGER
const end = ({ finished_at }: JobSummary): number => (finished_at === null ? 0 : Date.parse(finished_at))

function sectionsOf({ waiting, finished }: Top, status: StatusDocument, width: number, now: number): Section[] {
  const jobs = (headings: readonly JobHeading[], sorted: readonly JobSummary[]): Section => ({
    head: 2,
    rows: sorted.length,
    lines(rows) {
      const cells = sorted.slice(0, rows).map((job) => jobCells(headings, job, now))
      return ['', ...jobTable(headings, cells, width)]
    },
  })
  return [
    { head: 1, rows: status.queue.by_model.length, lines: (rows) => waitingTable(status, width, now, rows) },
    jobs(
      ['AHEAD', 'JOB', 'MODEL', 'LABEL', 'WAITED', 'ETA'],
      waiting.toSorted((a, b) => place(a) - place(b)),
    ),
    jobs(
      ['ENDED', 'JOB', 'MODEL', 'LABEL', 'RAN', 'TOK/S', 'AGO'],
      finished.toSorted((a, b) => end(b) - end(a)),
    ),
  ]
}
