// Texts for a job's state, place, times, speed and error on a terminal. Pure.

import { ERRORS } from '../protocol/error.ts'
import type { JobErrorDocument, JobState, JobSummary, WaitingForDocument } from '../protocol/wire.ts'
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

/** Colours a cell that has a state and its padding. */
export function paintState(cell: string, style: Painter): string {
  const painted = STYLES[cell.trim() as JobState]
  return painted === undefined ? cell : style(painted, cell)
}

/** A job's place in the queue: `next`, `3 ahead`, or a dash if unknown. `position` is the number of jobs ahead. */
export const aheadText = (position: number | null): string =>
  position === null ? '–' : position === 0 ? 'next' : `${position} ahead`

/** `2m10s`, `now`, or a dash if unknown. */
export function etaText({ eta_seconds: seconds }: JobSummary): string {
  if (seconds === undefined) return '–'
  return seconds < 1 ? 'now' : age(seconds * 1000)
}

export const ranText = ({ timings: { run_ms } }: JobSummary): string => (run_ms === null ? '–' : age(run_ms))

/** Tokens per second as Ollama computes them: `eval_count` divided by `eval_duration`. A dash if Ollama reports neither. */
export function speedText({ usage, timings: { eval_ms } }: JobSummary): string {
  const tokens = usage?.completion_tokens ?? 0
  // Absent from an older daemon.
  const ms = eval_ms ?? 0
  return tokens > 0 && ms > 0 ? ((tokens * 1000) / ms).toFixed(1) : '–'
}

/** What a job waits for: `jobs for qwen3:14b go first, for 12m00s at most`; a dash if unknown. */
export function waitingForText(waiting: WaitingForDocument | null | undefined, now: number, isShort = false): string {
  if (waiting == null) return '–'
  const since = age(Math.max(0, now - Date.parse(waiting.since)))
  const left = waiting.until === undefined ? null : age(Math.max(0, Date.parse(waiting.until) - now))
  switch (waiting.reason) {
    case 'paused':
      return left === null ? `foreman is paused (${since})` : `foreman is paused, ${left} more`
    case 'storage_full':
      return `no free disk space at foreman (${since})`
    case 'target_unreachable':
      return `Ollama does not answer (${since})`
    case 'backoff':
      return `retried in ${left ?? '?'}`
    case 'draining': {
      const end = left === null ? '' : `, for ${left} at most`
      return `jobs for ${printable(waiting.affinity ?? 'another model')} go first${end}`
    }
    case 'running':
      if (waiting.job_id === undefined) return 'about to be sent'
      return `${isShort ? 'the running job' : `job ${printable(waiting.job_id)}`} (${since})`
  }
}

/** The message of a job's error. The wire has Ollama's "request canceled" for a cancelled job, which adds nothing here. */
export const errorText = ({ code, message }: JobErrorDocument): string =>
  code === 'cancelled' ? 'cancelled on request' : printable(message)

/** What to do about a job's error; null if it is unknown or there is nothing to do. */
export const errorHint = ({ code }: Pick<JobErrorDocument, 'code'>): string | null =>
  code !== 'cancelled' && Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS].hint : null
