// SQL of the jobs table, except the queries of the claim (claimable.ts). An UPDATE of the state applies only if TRANSITIONS
// lets the event leave the present state. Otherwise the result is null; it is not an error.

import type { JobOutput } from '../domain/artifact.ts'
import {
  type EventName,
  isFinal,
  type JobError,
  type Measured,
  type State,
  TRANSITIONS,
  type Transition,
} from '../domain/job.ts'
import type { JobRow, NewJobRow } from './job-row.ts'
import type { Statements, Values } from './statement.ts'

export interface JobChange {
  readonly id: string
  readonly event: Exclude<EventName, 'claimed_cold' | 'claimed_warm'>
  readonly now: number
  /** For an event that puts the job back in the queue: it is not claimed before then (wall ms). */
  readonly availableAt?: number
  /** Required by every change to failed or cancelled. */
  readonly error?: JobError
  readonly measured?: Measured
  /** Set for the final change of an async job. */
  readonly output?: JobOutput
}

/** How long a finished job took, ms. */
export interface PastRun {
  readonly affinity: string
  /** From its last claim to its end, its load included. */
  readonly ms: number
  /** How long its model took to load; null if it was resident or the time is unknown. */
  readonly loadMs: number | null
}

/** The key of a waiting job in the position index. */
type QueuePlace = Pick<JobRow, 'affinity' | 'sequence'>

/** A deleted job, as far as the counters need it. */
export type Gone = Pick<JobRow, 'state' | 'normalised_model' | 'body_bytes'>

/** Events that put a job back without an attempt, because it is not the job's fault. They are counted, so that it ends. */
const BOUNCES: readonly EventName[] = ['target_busy', 'unreached']

const quoted = (states: readonly State[]): string => states.map((state) => `'${state}'`).join(', ')

/** Returns the statement of an event, built from its row in TRANSITIONS. */
function guarded(event: EventName, { from, to, attempt }: Transition, changes: string, key: string): string {
  return `UPDATE jobs SET state = '${to}', changes = changes + 1, attempt = attempt + ${attempt},
    bounces = bounces + ${BOUNCES.includes(event) ? 1 : 0}, ${changes}
    WHERE ${key} AND state IN (${quoted(from)}) RETURNING *`
}

const NEW_COLUMNS = `id, caller, endpoint, model, normalised_model, affinity, stream, load_only, lacks_keep_alive, content_type,
  content_encoding, body_bytes, fifo_swap, created_at, created_awake, label, webhook_url, webhook_events, start_before_ms,
  finish_before_ms, is_json, retry_of`

const CLAIM = (workingAt: '$now' | 'NULL'): string => `claimed_at = $now, started_at = coalesce(started_at, $now),
  working_at = ${workingAt}, load_ms = NULL, prompt_tokens = NULL, completion_tokens = NULL, done_reason = NULL,
  cached_tokens = NULL, eval_ms = NULL`

const CHANGE = `available_at = $availableAt, requeued_at = coalesce($requeuedAt, requeued_at), orphaned_at = NULL,
  working_at = coalesce($workingAt, working_at), finished_at = $finishedAt, error_code = $errorCode, error_message = $errorMessage, error_status = $errorStatus,
  load_ms = coalesce($loadMs, load_ms), prompt_tokens = coalesce($promptTokens, prompt_tokens),
  completion_tokens = coalesce($completionTokens, completion_tokens), done_reason = coalesce($doneReason, done_reason),
  cached_tokens = coalesce($cachedTokens, cached_tokens), eval_ms = coalesce($evalMs, eval_ms)`

function changeParams({ id, event, now, availableAt, error, measured }: JobChange): Values {
  const { to } = TRANSITIONS[event]
  const failure = to === 'failed' || to === 'cancelled' ? error : undefined
  return {
    id,
    availableAt: to === 'queued' ? (availableAt ?? null) : null,
    requeuedAt: to === 'queued' ? now : null,
    workingAt: event === 'first_byte' ? now : null,
    finishedAt: isFinal(to) ? now : null,
    errorCode: failure?.code ?? null,
    errorMessage: failure?.message ?? null,
    errorStatus: failure?.status ?? null,
    loadMs: measured?.loadMs ?? null,
    evalMs: measured?.evalMs ?? null,
    promptTokens: measured?.promptTokens ?? null,
    completionTokens: measured?.completionTokens ?? null,
    doneReason: measured?.doneReason ?? null,
    cachedTokens: measured?.cachedTokens ?? null,
  }
}

export type JobsTable = ReturnType<typeof createJobs>

export function createJobs({ one, all, run }: Statements) {
  const claimed = (event: 'claimed_cold' | 'claimed_warm', workingAt: '$now' | 'NULL') =>
    one<JobRow, { sequence: number; now: number }>(
      guarded(event, TRANSITIONS[event], CLAIM(workingAt), 'sequence = $sequence'),
    )
  const changed = new Map(
    Object.entries(TRANSITIONS).map(([event, transition]) => [
      event,
      // Object.entries loses the type of its keys, which are those of TRANSITIONS.
      one<JobRow, Values>(guarded(event as EventName, transition, CHANGE, 'id = $id')),
    ]),
  )
  const pastRuns = all<Pick<JobRow, 'affinity' | 'load_ms'> & { ms: number }, { limit: number }>(
    `SELECT affinity, finished_at - claimed_at AS ms, CASE WHEN working_at = claimed_at THEN NULL ELSE load_ms END AS load_ms
     FROM (SELECT * FROM jobs INDEXED BY finished_by_state WHERE finished_at IS NOT NULL AND state = 'done'
       ORDER BY sequence DESC LIMIT $limit)
     ORDER BY finished_at, sequence`,
  )

  return {
    insert: one<Pick<JobRow, 'sequence'>, NewJobRow>(
      `INSERT INTO jobs (state, ${NEW_COLUMNS}) VALUES ('queued', ${NEW_COLUMNS.replace(/\w+/g, '$$$&')})
       RETURNING sequence`,
    ),
    find: one<JobRow, { id: string }>('SELECT * FROM jobs WHERE id = $id'),
    /** Returns null if the job is not in a state that the event may leave. */
    change: (change: JobChange) => changed.get(change.event)?.(changeParams(change)) ?? null,
    /** Both return null if the job is not queued. */
    claim: { claimed_cold: claimed('claimed_cold', 'NULL'), claimed_warm: claimed('claimed_warm', '$now') },
    /** Marks a queued waiting call as orphaned. Returns null if it is not queued, not a waiting call, or already orphaned. */
    orphan: one<QueuePlace, { id: string; now: number }>(
      `UPDATE jobs SET orphaned_at = $now
       WHERE id = $id AND caller = 'live' AND state = 'queued' AND orphaned_at IS NULL RETURNING affinity, sequence`,
    ),
    /** Ends the mark. Returns null if the job is not queued or not orphaned. */
    adopt: one<QueuePlace, { id: string }>(
      `UPDATE jobs SET orphaned_at = NULL WHERE id = $id AND state = 'queued' AND orphaned_at IS NOT NULL
       RETURNING affinity, sequence`,
    ),
    /** Skips a change number that watchers may have seen although the change was not written. */
    skipChange: run<{ sequence: number }>('UPDATE jobs SET changes = changes + 1 WHERE sequence = $sequence'),
    /** Returns the jobs that a stop or a crash ends: all that were sent, and all live calls that are queued. */
    interruptible: all<JobRow>(
      `SELECT * FROM jobs INDEXED BY unfinished WHERE finished_at IS NULL AND state IN ('loading', 'working')
       UNION ALL
       SELECT * FROM jobs INDEXED BY unfinished WHERE finished_at IS NULL AND state = 'queued' AND caller = 'live'`,
    ),
    /** Deletes jobs with all rows that belong to them. Returns what was deleted. */
    prune: all<Gone, { before: number; limit: number }>(
      `DELETE FROM jobs WHERE sequence IN (
         SELECT sequence FROM jobs INDEXED BY finished
         WHERE finished_at IS NOT NULL AND finished_at < $before ORDER BY finished_at LIMIT $limit
       ) RETURNING state, normalised_model, body_bytes`,
    ),
    delete: one<Gone, { sequence: number }>(
      `DELETE FROM jobs WHERE sequence = $sequence AND finished_at IS NOT NULL
       RETURNING state, normalised_model, body_bytes`,
    ),
    oldestWaitingOf: one<JobRow, { model: string }>(
      `SELECT * FROM jobs INDEXED BY waiting_by_model
       WHERE state = 'queued' AND normalised_model = $model ORDER BY sequence LIMIT 1`,
    ),
    pastRuns: (limit: number): PastRun[] =>
      pastRuns({ limit }).map(({ affinity, ms, load_ms: loadMs }) => ({ affinity, ms, loadMs })),
    countByState: all<{ state: State; jobs: number }>(
      `SELECT state, sum(jobs) AS jobs FROM (
         SELECT state, count(*) AS jobs FROM jobs GROUP BY state UNION ALL SELECT state, jobs FROM deleted_jobs
       ) GROUP BY state`,
    ),
    waitingByModel: all<{ model: string; jobs: number; bytes: number }>(
      `SELECT normalised_model AS model, count(*) AS jobs, sum(body_bytes) AS bytes
       FROM jobs INDEXED BY waiting_by_model WHERE state = 'queued' GROUP BY normalised_model`,
    ),
  }
}
