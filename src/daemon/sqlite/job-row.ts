// Mapping between a row of the jobs table and a Job. Only this file knows the column names in TypeScript; it has no SQL.

import { normaliseModel } from '../domain/affinity.ts'
import {
  type AsyncOptions,
  type CallerKind,
  type Job,
  type JobError,
  type Measured,
  type NewJob,
  NO_OPTIONS,
  type State,
} from '../domain/job.ts'
import { cutTargetText } from '../domain/target-text.ts'

export interface JobRow {
  readonly sequence: number
  readonly id: string
  readonly state: State
  readonly caller: CallerKind
  readonly endpoint: Job['endpoint']
  readonly model: string
  readonly normalised_model: string
  readonly affinity: string
  readonly stream: number
  readonly load_only: number
  readonly lacks_keep_alive: number
  readonly content_type: string | null
  readonly content_encoding: string | null
  readonly body_bytes: number
  readonly fifo_swap: number
  readonly attempt: number
  readonly bounces: number
  readonly created_at: number
  readonly created_awake: number
  readonly available_at: number | null
  readonly orphaned_at: number | null
  readonly requeued_at: number | null
  readonly started_at: number | null
  readonly claimed_at: number | null
  readonly working_at: number | null
  readonly finished_at: number | null
  readonly error_code: JobError['code'] | null
  readonly error_message: string | null
  readonly error_status: number | null
  readonly load_ms: number | null
  readonly prompt_tokens: number | null
  readonly completion_tokens: number | null
  readonly cached_tokens: number | null
  readonly eval_ms: number | null
  readonly done_reason: string | null
  readonly changes: number
  readonly label: string | null
  readonly webhook_url: string | null
  readonly webhook_events: string
  readonly start_before_ms: number | null
  readonly finish_before_ms: number | null
  readonly is_json: number
  readonly retry_of: string | null
}

export function jobOf(row: JobRow): Job {
  return {
    sequence: row.sequence,
    id: row.id,
    state: row.state,
    changes: row.changes,
    options: row.caller === 'live' ? NO_OPTIONS : optionsOf(row),
    retryOf: row.retry_of,
    caller: row.caller,
    endpoint: row.endpoint,
    model: row.model,
    affinity: row.affinity,
    stream: row.stream === 1,
    loadOnly: row.load_only === 1,
    lacksKeepAlive: row.lacks_keep_alive === 1,
    contentType: row.content_type,
    contentEncoding: row.content_encoding,
    bodyBytes: row.body_bytes,
    attempt: row.attempt,
    bounces: row.bounces,
    createdAt: row.created_at,
    createdAwake: row.created_awake,
    availableAt: row.available_at,
    orphanedAt: row.orphaned_at,
    requeuedAt: row.requeued_at,
    startedAt: row.started_at,
    claimedAt: row.claimed_at,
    workingAt: row.working_at,
    finishedAt: row.finished_at,
    error: errorOf(row),
    measured: measuredOf(row),
  }
}

function optionsOf(row: JobRow): AsyncOptions {
  return {
    label: row.label,
    webhookUrl: row.webhook_url,
    webhookEvents: eventsOf(row),
    startBeforeMs: row.start_before_ms,
    finishBeforeMs: row.finish_before_ms,
    isJson: row.is_json === 1,
  }
}

/** The states for which a webhook is sent; written by `rowOf`. */
export const eventsOf = (row: Pick<JobRow, 'webhook_events'>): State[] =>
  row.webhook_events === '' ? [] : (row.webhook_events.split(',') as State[])

/** Cuts the message, because a row of an earlier version may have a text of the target of any length. */
function errorOf(row: JobRow): JobError | null {
  if (row.error_code === null) return null
  return { code: row.error_code, message: cutTargetText(row.error_message ?? ''), status: row.error_status }
}

function measuredOf(row: JobRow): Measured | null {
  const measured = {
    loadMs: row.load_ms,
    evalMs: row.eval_ms,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
    cachedTokens: row.cached_tokens,
    doneReason: row.done_reason,
  }
  return Object.values(measured).every((value) => value === null) ? null : measured
}

/** The columns that an INSERT of a new job sets. The others have the values of `FRESH`. */
export type NewJobRow = Omit<JobRow, 'sequence' | keyof typeof FRESH>

export function rowOf(job: NewJob, fifoSwap: boolean): NewJobRow {
  const { label, webhookUrl, webhookEvents, startBeforeMs, finishBeforeMs, isJson } = job.options ?? NO_OPTIONS
  return {
    id: job.id,
    caller: job.caller,
    endpoint: job.endpoint,
    model: job.model,
    normalised_model: normaliseModel(job.model),
    affinity: job.affinity,
    stream: job.stream ? 1 : 0,
    load_only: job.loadOnly ? 1 : 0,
    lacks_keep_alive: job.lacksKeepAlive === true ? 1 : 0,
    content_type: job.contentType,
    content_encoding: job.contentEncoding,
    body_bytes: job.body.byteLength,
    fifo_swap: fifoSwap ? 1 : 0,
    created_at: Math.round(job.createdAt),
    created_awake: Math.round(job.createdAwake),
    label,
    webhook_url: webhookUrl,
    webhook_events: webhookEvents.join(','),
    start_before_ms: startBeforeMs && Math.round(startBeforeMs),
    finish_before_ms: finishBeforeMs && Math.round(finishBeforeMs),
    is_json: isJson ? 1 : 0,
    retry_of: null,
  }
}

export const FRESH = {
  state: 'queued',
  changes: 1,
  attempt: 0,
  bounces: 0,
  available_at: null,
  orphaned_at: null,
  requeued_at: null,
  started_at: null,
  claimed_at: null,
  working_at: null,
  finished_at: null,
  error_code: null,
  error_message: null,
  error_status: null,
  load_ms: null,
  eval_ms: null,
  prompt_tokens: null,
  completion_tokens: null,
  cached_tokens: null,
  done_reason: null,
} as const satisfies Partial<JobRow>

/** Returns a new job as `jobOf` would, without reading its row. `bodyBytes`: the body may have been transferred already. */
export function queuedJob(job: NewJob, sequence: number, bodyBytes: number): Job {
  return jobOf({ ...FRESH, ...rowOf(job, false), sequence, body_bytes: bodyBytes })
}
