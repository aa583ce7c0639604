// One frame of `foreman top`: target, running job, queue and latest finished jobs, fitted to the size of the terminal. Pure.

import type { JobSummary, StatusDocument } from '../protocol/wire.ts'
import { cut, displayWidth } from './display-width.ts'
import { aheadCell } from './job-table.ts'
import { etaText, paintState, ranText, speedText } from './job-words.ts'
import { drainLines, targetLines, WAITING_COLUMNS, waitingRows } from './ps.ts'
import type { Size } from './screen.ts'
import { age, bytes, type Column, type Painter, printable, styled, table } from './terminal.ts'

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
  readonly answer: { readonly records: number; readonly perSecond: number | null; readonly label: string | null }
  /** The last failed request; null after a successful one. */
  readonly trouble: { readonly text: string; readonly forMs: number } | null
  /** Whether keys can be read, so that the last line names them. */
  readonly hasKeys: boolean
}

interface Section {
  /** Lines before its first row. */
  readonly head: number
  readonly rows: number
  lines(rows: number): string[]
}

export function frame(top: Top, { columns, rows }: Size, now: number, style: Painter = styled): string[] {
  // A terminal without wrapping overwrites its last column with the rest of a long line: `3.4` became `4`.
  return picture(top, { columns, rows }, now, style).map((line) => cut(line, columns))
}

function picture(top: Top, { columns, rows }: Size, now: number, style: Painter): string[] {
  const { status } = top
  const width = Math.max(columns, 40)
  const lines = [titleLine(top, width, now, style)]
  const foot = footLine(top, style)
  if (status !== null) {
    // Many resident models must not push the queue off the screen.
    const target = targetLines({ ...status, paused: false }, width, now, style).slice(0, Math.max(2, rows - 18))
    const gap = rows < 16 ? [] : ['']
    lines.push(...target, ...gap, ...runningLines(top, status, width, style), ...gap)
    if (rows >= 20) lines.push(...drainLines(status, width, now, style))
    lines.push(waitingLine(status, style))
    const sections = [
      modelSection(status, width, now, style),
      nextSection(top, width, now, style),
      finishedSection(top, width, now, style),
    ]
    const shares = share(sections, rows - lines.length - (foot === '' ? 0 : 1))
    sections.forEach((section, index) => {
      const rowsOfIt = shares[index] ?? 0
      if (rowsOfIt > 0) lines.push(...section.lines(rowsOfIt))
    })
  }
  if (foot === '') return lines.slice(0, rows)
  const shown = lines.slice(0, Math.max(1, rows - 1))
  const gap = Number.isFinite(rows) ? Math.max(0, rows - 1 - shown.length) : 0
  return [...shown, ...Array<string>(gap).fill(''), foot].slice(0, rows)
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

function titleLine({ url, status, trouble }: Top, width: number, now: number, style: Painter): string {
  const clock = new Date(now).toTimeString().slice(0, 8)
  const room = width - clock.length - 2
  const retry = trouble === null ? '' : `, trying again (${age(trouble.forMs)})`
  const title = trouble === null ? `foreman ${printable(status?.version ?? '')} at ${printable(url)}` : trouble.text
  const text = cut(printable(title).replace('  ', ' '), room - retry.length) + retry
  const padding = ' '.repeat(Math.max(2, width - displayWidth(text) - clock.length))
  return `${style(trouble === null ? 'bold' : 'yellow', text)}${padding}${style('dim', clock)}`
}

function runningLines({ answer }: Top, { running, paused }: StatusDocument, width: number, style: Painter): string[] {
  const pause = paused ? style('yellow', '  PAUSED: nothing new is sent') : ''
  if (running === null) return [`${style('bold', 'RUNNING')}  nothing${pause}`]
  const { job_id, model, endpoint, state, attempt, caller, running_ms, silent_ms } = running
  const progress = `${printable(state)} for ${age(running_ms)}${attempt > 1 ? `, attempt ${attempt}` : ''}`
  const speed = answer.perSecond === null ? '' : `, ${answer.perSecond.toFixed(1)} a second`
  const amount = answer.records > 1 ? `${answer.records} tokens${speed}` : bytes(running.bytes)
  const text = running.bytes === 0 ? 'no byte yet' : `${amount}, the last ${age(silent_ms)} ago`
  const who = caller === 'live' ? 'waiting call' : printable(answer.label ?? '')
  const where = `${printable(job_id)}  ${printable(endpoint)}${who === '' ? '' : `  ${who}`}`
  const pauseRoom = paused ? 29 : 0
  return [
    `${style('bold', 'RUNNING')}  ${cut(printable(model), width - 11 - progress.length - pauseRoom)}  ${style('green', progress)}${pause}`,
    `         ${text}`,
    `         ${style('dim', cut(where, width - 9))}`,
  ]
}

function waitingLine({ queue }: StatusDocument, style: Painter): string {
  if (queue.waiting === 0) return `${style('bold', 'WAITING')}  nothing`
  const oldest = queue.oldest_wait_ms === null ? '' : `, the oldest for ${age(queue.oldest_wait_ms)}`
  return `${style('bold', 'WAITING')}  ${queue.waiting === 1 ? '1 job' : `${queue.waiting} jobs`} (${bytes(queue.bytes)})${oldest}`
}

/** A table with headings, with or without a blank line before it. */
function section(
  blank: boolean,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
  style: Painter,
): Section {
  return {
    head: blank ? 2 : 1,
    rows: rows.length,
    lines(count) {
      const [head = '', ...shown] = table(columns, rows.slice(0, count), width)
      return [...(blank ? [''] : []), style('dim', head), ...shown]
    },
  }
}

function modelSection(status: StatusDocument, width: number, now: number, style: Painter): Section {
  return section(false, WAITING_COLUMNS, waitingRows(status, now), width, style)
}

function nextSection({ waiting }: Top, width: number, now: number, style: Painter): Section {
  const columns: Column[] = [
    { heading: 'AHEAD', align: 'right' },
    { heading: 'JOB' },
    { heading: 'MODEL', shrinks: true },
    { heading: 'LABEL', shrinks: true },
    { heading: 'WAITED', align: 'right' },
    { heading: 'ETA', align: 'right' },
  ]
  const place = ({ position }: JobSummary): number => position ?? Number.MAX_SAFE_INTEGER
  const rows = [...waiting]
    .sort((a, b) => place(a) - place(b))
    .map((job) => [
      aheadCell(job),
      printable(job.job_id),
      printable(job.model),
      printable(job.label ?? ''),
      age(now - Date.parse(job.created_at)),
      etaText(job),
    ])
  return section(true, columns, rows, width, style)
}

function finishedSection({ finished }: Top, width: number, now: number, style: Painter): Section {
  const columns: Column[] = [
    { heading: 'ENDED', paint: (cell) => paintState(cell, style) },
    { heading: 'JOB' },
    { heading: 'MODEL', shrinks: true },
    { heading: 'LABEL', shrinks: true },
    { heading: 'RAN', align: 'right' },
    { heading: 'TOK/S', align: 'right' },
    { heading: 'AGO', align: 'right' },
  ]
  const end = ({ finished_at }: JobSummary): number => (finished_at === null ? 0 : Date.parse(finished_at))
  const rows = [...finished]
    .sort((a, b) => end(b) - end(a))
    .map((job) => [
      printable(job.state),
      printable(job.job_id),
      printable(job.model),
      printable(job.label ?? ''),
      ranText(job),
      speedText(job),
      age(now - end(job)),
    ])
  return section(true, columns, rows, width, style)
}

function footLine({ hasKeys, status }: Top, style: Painter): string {
  if (!hasKeys) return ''
  return style('dim', status === null ? 'q quit' : `q quit   p ${status.paused ? 'resume' : 'pause'}`)
}
