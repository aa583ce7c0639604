// Owns how a job's state, times and speed read on a terminal. Pure.

import type { JobState, JobSummary } from '../protocol/wire.ts'
import { age, type Painter, type Style } from './terminal.ts'

export const STATES = [
  'queued',
  'loading',
  'working',
  'done',
  'failed',
  'cancelled',
] as const satisfies readonly JobState[]

const STYLES: Readonly<Record<JobState, Style>> = {
  queued: 'dim',
  loading: 'yellow',
  working: 'cyan',
  done: 'green',
  failed: 'red',
  cancelled: 'yellow',
}

/** A cell of a table that holds a state and its padding. */
export function paintState(cell: string, style: Painter): string {
  const painted = STYLES[cell.trim() as JobState]
  return painted === undefined ? cell : style(painted, cell)
}

/** `2m10s`, `now`, or a dash where it is not known. */
export function etaText({ eta_seconds: seconds }: JobSummary): string {
  if (seconds === undefined) return '–'
  return seconds < 1 ? 'now' : age(seconds * 1000)
}

export const ranText = ({ timings: { run_ms } }: JobSummary): string => (run_ms === null ? '–' : age(run_ms))

/** Tokens a second of the whole run, without the load; prompt included, because nobody tells how long that took. */
export function speedText({ usage, timings: { run_ms, load_ms } }: JobSummary): string {
  const tokens = usage?.completion_tokens ?? 0
  const ms = (run_ms ?? 0) - (load_ms ?? 0)
  return tokens > 0 && ms > 0 ? ((tokens * 1000) / ms).toFixed(1) : '–'
}
