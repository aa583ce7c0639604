// Texts for a job's state, place, times, speed and error on a terminal. Pure.

import { withoutErrno } from '../daemon/text/system-error.ts'
import { ERRORS } from '../protocol/error.ts'
import type { JobErrorDocument, JobState, JobSummary, WaitingForDocument } from '../protocol/wire.ts'
import { age, printable, type Style, since, styled, until } from './terminal.ts'

const STYLES: Readonly<Record<JobState, Style>> = {
  queued: 'dim',
  loading: 'yellow',
  working: 'cyan',
  done: 'green',
  failed: 'red',
  cancelled: 'yellow',
}

export const STATES = Object.keys(STYLES) as readonly JobState[]

/** Colours a cell that has a state and its padding. */
export function paintState(cell: string): string {
  const style = STYLES[cell.trim() as JobState]
  return style === undefined ? cell : styled(style, cell)
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
  const ago = since(waiting.since, now)
  const left = waiting.until === undefined ? null : until(waiting.until, now)
  switch (waiting.reason) {
    case 'paused':
      return left === null ? `foreman is paused (${ago})` : `foreman is paused, ${left} more`
    case 'storage_full':
      return `no free disk space at foreman (${ago})`
    case 'target_unreachable':
      return `Ollama does not answer (${ago})`
    case 'backoff':
      return `retried in ${left ?? '?'}`
    case 'draining':
      return `jobs for ${printable(waiting.affinity ?? 'another model')} go first${left === null ? '' : `, for ${left} at most`}`
    case 'running':
      if (waiting.job_id === undefined) return 'about to be sent'
      return `${isShort ? 'the running job' : `job ${printable(waiting.job_id)}`} (${ago})`
  }
}

/** The message of a job's error. The wire has Ollama's "request canceled" for a cancelled job, which adds nothing here. */
export const errorText = ({ code, message }: JobErrorDocument): string =>
  code === 'cancelled' ? 'cancelled on request' : printable(withoutErrno(message))

/** What to do about a job's error; null if it is unknown or there is nothing to do. */
export const errorHint = ({ code }: Pick<JobErrorDocument, 'code'>): string | null =>
  code !== 'cancelled' && Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS].hint : null
