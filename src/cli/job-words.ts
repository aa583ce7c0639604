// Owns how a job's state, times and speed read on a terminal. Pure.

import type { JobState, JobSummary, WaitingForDocument } from '../protocol/wire.ts'
import { age, type Painter, printable, type Style } from './terminal.ts'

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

/** Tokens a second, as Ollama counts them: `eval_count` in `eval_duration`; a dash where the target does not tell. */
export function speedText({ usage, timings: { eval_ms } }: JobSummary): string {
  const tokens = usage?.completion_tokens ?? 0
  // An older daemon has no such field.
  const ms = eval_ms ?? 0
  return tokens > 0 && ms > 0 ? ((tokens * 1000) / ms).toFixed(1) : '–'
}

/** What a job waits for: `qwen3:14b is drained first, 12m00s more at the latest`; a dash where it waits for nothing. */
export function waitingForText(waiting: WaitingForDocument | null | undefined, now: number, isShort = false): string {
  if (waiting == null) return '–'
  const since = age(Math.max(0, now - Date.parse(waiting.since)))
  const left = waiting.until === undefined ? null : age(Math.max(0, Date.parse(waiting.until) - now))
  switch (waiting.reason) {
    case 'paused':
      return left === null ? `foreman is paused (${since})` : `foreman is paused, ${left} more`
    case 'storage_full':
      return `no room on the disk of foreman (${since})`
    case 'target_unreachable':
      return `the target does not answer (${since})`
    case 'backoff':
      return `tried again in ${left ?? '?'}`
    case 'draining': {
      const end = left === null ? '' : `, ${left} more at the latest`
      return `${printable(waiting.affinity ?? 'another model')} is drained first${end}`
    }
    case 'running':
      if (waiting.job_id === undefined) return 'about to be sent'
      return `${isShort ? 'the running job' : `job ${printable(waiting.job_id)}`} (${since})`
  }
}
