// Owns the mapping between a row of the jobs table and a Job. Nothing else knows the columns' names in TypeScript; no SQL.

import { CLOUD_AFFINITY, modelOfAffinity, normaliseModel } from '../affinity.ts'
import type { Caller, Job, JobError, Measured, NewJob, State } from '../job.ts'
import { whole } from './statement.ts'

export interface JobRow {
  readonly sequence: number
  readonly id: string
  readonly state: State
  readonly caller: Caller
  readonly endpoint: Job['endpoint']
  readonly model: string
  readonly normalised_model: string
  readonly affinity: string
  readonly stream: number
  readonly load_only: number
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
  readonly done_reason: string | null
}

export function jobOf(row: JobRow): Job {
  return {
    sequence: row.sequence,
    id: row.id,
    state: row.state,
    caller: row.caller,
    endpoint: row.endpoint,
    model: row.model,
    affinity: row.affinity,
    stream: row.stream === 1,
    loadOnly: row.load_only === 1,
    contentType: row.content_type,
    contentEncoding: row.content_encoding,
    bodyBytes: row.body_bytes,
    attempt: row.attempt,
    bounces: row.bounces,
    createdAt: row.created_at,
    createdAwake: row.created_awake,
    availableAt: row.available_at,
    orphanedAt: row.orphaned_at,
    startedAt: row.started_at,
    claimedAt: row.claimed_at,
    workingAt: row.working_at,
    finishedAt: row.finished_at,
    error: errorOf(row),
    measured: measuredOf(row),
  }
}

function errorOf(row: JobRow): JobError | null {
  if (row.error_code === null) return null
  return { code: row.error_code, message: row.error_message ?? '', status: row.error_status }
}

function measuredOf(row: JobRow): Measured | null {
  const measured = {
    loadMs: row.load_ms,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
    doneReason: row.done_reason,
  }
  return Object.values(measured).every((value) => value === null) ? null : measured
}

/** The columns that a new job brings. */
export type NewJobRow = Pick<
  JobRow,
  | 'id'
  | 'caller'
  | 'endpoint'
  | 'model'
  | 'normalised_model'
  | 'affinity'
  | 'stream'
  | 'load_only'
  | 'content_type'
  | 'content_encoding'
  | 'body_bytes'
  | 'fifo_swap'
  | 'created_at'
  | 'created_awake'
>

export function rowOf(job: NewJob, fifoSwap: boolean): NewJobRow {
  return {
    id: job.id,
    caller: job.caller,
    endpoint: job.endpoint,
    model: job.model,
    normalised_model: normalisedModelOf(job),
    affinity: job.affinity,
    stream: job.stream ? 1 : 0,
    load_only: job.loadOnly ? 1 : 0,
    content_type: job.contentType,
    content_encoding: job.contentEncoding,
    body_bytes: job.body.byteLength,
    fifo_swap: fifoSwap ? 1 : 0,
    created_at: whole(job.createdAt),
    created_awake: whole(job.createdAwake),
  }
}

/** Cloud models share one affinity, but each keeps its name. */
function normalisedModelOf({ model, affinity }: NewJob): string {
  return affinity === CLOUD_AFFINITY ? normaliseModel(model) : modelOfAffinity(affinity)
}
