// SQL of the jobs table, except the queries of the claim (claimable.ts). An UPDATE of the state applies only if TRANSITIONS
// lets the event leave the present state. Otherwise the result is null; it is not an error.

import type { DatabaseSync } from 'node:sqlite'
import { type EventName, isFinal, type State, TRANSITIONS, type Transition } from '../domain/job.ts'
import { type JobRow, NEW_COLUMNS, type NewJobRow } from './job-row.ts'
import { type None, prepare, type Value, whole, wholeOrNull } from './statement.ts'
import type { JobChange, PastRun } from './store.ts'

/** The key of a waiting job in the position index. */
export type QueuePlace = Pick<JobRow, 'affinity' | 'sequence'>

/** A deleted job, as far as the counters need it. */
export type Gone = Pick<JobRow, 'state' | 'normalised_model' | 'body_bytes'>

export interface JobsTable {
  /** Returns the sequence of the new row. */
  insert(row: NewJobRow): number
  find(id: string): JobRow | null
  /** Returns null if the job is not in a state that the event may leave. */
  change(change: JobChange): JobRow | null
  /** Returns null if the job is not queued. */
  claim(sequence: number, event: 'claimed_cold' | 'claimed_warm', now: number): JobRow | null
  /** Marks a queued waiting call as orphaned. Returns null if it is not queued, not a waiting call, or already orphaned. */
  orphan(id: string, now: number): QueuePlace | null
  /** Ends the mark. Returns null if the job is not queued or not orphaned. */
  adopt(id: string): QueuePlace | null
  /** Skips a change number that watchers may have seen although the change was not written. */
  skipChange(sequence: number): void
  /** Returns the jobs that a stop or a crash ends: all that were sent, and all live calls that are queued. */
  interruptible(): JobRow[]
  /** Deletes jobs with all rows that belong to them. Returns what was deleted. */
  prune(before: number, limit: number): Gone[]
  delete(sequence: number): Gone | null
  oldestWaitingOf(model: string): JobRow | null
  pastRuns(limit: number): PastRun[]
  countByState(): { state: State; jobs: number }[]
  waitingByModel(): { model: string; jobs: number; bytes: number }[]
}

/** Events that put a job back without an attempt, because it is not the job's fault. They are counted, so that it ends. */
const BOUNCES: readonly EventName[] = ['target_busy', 'unreached']

const quoted = (states: readonly State[]): string => states.map((state) => `'${state}'`).join(', ')

/** Returns the statement of an event, built from its row in TRANSITIONS. */
function guarded(event: EventName, { from, to, attempt }: Transition, changes: string, key: string): string {
  return `UPDATE jobs SET state = '${to}', changes = changes + 1, attempt = attempt + ${attempt},
    bounces = bounces + ${BOUNCES.includes(event) ? 1 : 0}, ${changes}
    WHERE ${key} AND state IN (${quoted(from)}) RETURNING *`
}

const CLAIM = (workingAt: '$now' | 'NULL'): string => `claimed_at = $now, started_at = coalesce(started_at, $now),
  working_at = ${workingAt}, load_ms = NULL, prompt_tokens = NULL, completion_tokens = NULL, done_reason = NULL,
  cached_tokens = NULL, eval_ms = NULL`

const CHANGE = `available_at = $availableAt, requeued_at = coalesce($requeuedAt, requeued_at), orphaned_at = NULL, working_at = coalesce($workingAt, working_at),
  finished_at = $finishedAt, error_code = $errorCode, error_message = $errorMessage, error_status = $errorStatus,
  load_ms = coalesce($loadMs, load_ms), prompt_tokens = coalesce($promptTokens, prompt_tokens),
  completion_tokens = coalesce($completionTokens, completion_tokens), done_reason = coalesce($doneReason, done_reason),
  cached_tokens = coalesce($cachedTokens, cached_tokens), eval_ms = coalesce($evalMs, eval_ms)`

function changeParams({ id, event, now, availableAt, error, measured }: JobChange): Record<string, Value> {
  const { to } = TRANSITIONS[event]
  const failure = to === 'failed' || to === 'cancelled' ? error : undefined
  return {
    id,
    availableAt: to === 'queued' ? wholeOrNull(availableAt) : null,
    requeuedAt: to === 'queued' ? whole(now) : null,
    workingAt: event === 'first_byte' ? whole(now) : null,
    finishedAt: isFinal(to) ? whole(now) : null,
    errorCode: failure?.code ?? null,
    errorMessage: failure?.message ?? null,
    errorStatus: failure?.status ?? null,
    loadMs: wholeOrNull(measured?.loadMs),
    evalMs: wholeOrNull(measured?.evalMs),
    promptTokens: measured?.promptTokens ?? null,
    completionTokens: measured?.completionTokens ?? null,
    doneReason: measured?.doneReason ?? null,
    cachedTokens: measured?.cachedTokens ?? null,
  }
}

export function createJobs(db: DatabaseSync): JobsTable {
  const insert = prepare<Readonly<Record<string, Value>>, Pick<JobRow, 'sequence'>>(
    db,
    `INSERT INTO jobs (state, ${NEW_COLUMNS.join(', ')}) VALUES ('queued', ${NEW_COLUMNS.map((name) => `$${name}`).join(', ')})
     RETURNING sequence`,
  )
  const find = prepare<{ id: string }, JobRow>(db, 'SELECT * FROM jobs WHERE id = $id')
  const claim = {
    claimed_cold: prepare<{ sequence: number; now: number }, JobRow>(
      db,
      guarded('claimed_cold', TRANSITIONS.claimed_cold, CLAIM('NULL'), 'sequence = $sequence'),
    ),
    claimed_warm: prepare<{ sequence: number; now: number }, JobRow>(
      db,
      guarded('claimed_warm', TRANSITIONS.claimed_warm, CLAIM('$now'), 'sequence = $sequence'),
    ),
  }
  const change = new Map(
    Object.entries(TRANSITIONS)
      .filter(([event]) => !(event in claim))
      .map(([event, transition]) => [
        event,
        // Object.entries loses the type of its keys, which are those of TRANSITIONS.
        prepare<Record<string, Value>, JobRow>(db, guarded(event as EventName, transition, CHANGE, 'id = $id')),
      ]),
  )
  const orphan = prepare<{ id: string; now: number }, QueuePlace>(
    db,
    `UPDATE jobs SET orphaned_at = $now
     WHERE id = $id AND caller = 'live' AND state = 'queued' AND orphaned_at IS NULL RETURNING affinity, sequence`,
  )
  const adopt = prepare<{ id: string }, QueuePlace>(
    db,
    `UPDATE jobs SET orphaned_at = NULL WHERE id = $id AND state = 'queued' AND orphaned_at IS NOT NULL
     RETURNING affinity, sequence`,
  )
  const skipChange = prepare<{ sequence: number }>(
    db,
    'UPDATE jobs SET changes = changes + 1 WHERE sequence = $sequence',
  )
  const interruptible = prepare<None, JobRow>(
    db,
    `SELECT * FROM jobs INDEXED BY unfinished WHERE finished_at IS NULL AND state IN ('loading', 'working')
     UNION ALL
     SELECT * FROM jobs INDEXED BY unfinished WHERE finished_at IS NULL AND state = 'queued' AND caller = 'live'`,
  )
  const prune = prepare<{ before: number; limit: number }, Gone>(
    db,
    `DELETE FROM jobs WHERE sequence IN (
       SELECT sequence FROM jobs INDEXED BY finished
       WHERE finished_at IS NOT NULL AND finished_at < $before ORDER BY finished_at LIMIT $limit
     ) RETURNING state, normalised_model, body_bytes`,
  )
  const deleteOne = prepare<{ sequence: number }, Gone>(
    db,
    `DELETE FROM jobs WHERE sequence = $sequence AND finished_at IS NOT NULL
     RETURNING state, normalised_model, body_bytes`,
  )
  const oldestWaitingOf = prepare<{ model: string }, JobRow>(
    db,
    `SELECT * FROM jobs INDEXED BY waiting_by_model
     WHERE state = 'queued' AND normalised_model = $model ORDER BY sequence LIMIT 1`,
  )
  const pastRuns = prepare<{ limit: number }, Pick<JobRow, 'affinity' | 'load_ms'> & { ms: number }>(
    db,
    `SELECT affinity, finished_at - claimed_at AS ms, CASE WHEN working_at = claimed_at THEN NULL ELSE load_ms END AS load_ms
     FROM (SELECT * FROM jobs INDEXED BY finished_by_state WHERE finished_at IS NOT NULL AND state = 'done'
       ORDER BY sequence DESC LIMIT $limit)
     ORDER BY finished_at, sequence`,
  )
  const countByState = prepare<None, { state: State; jobs: number }>(
    db,
    `SELECT state, sum(jobs) AS jobs FROM (
       SELECT state, count(*) AS jobs FROM jobs GROUP BY state UNION ALL SELECT state, jobs FROM deleted_jobs
     ) GROUP BY state`,
  )
  const waitingByModel = prepare<None, { model: string; jobs: number; bytes: number }>(
    db,
    `SELECT normalised_model AS model, count(*) AS jobs, sum(body_bytes) AS bytes
     FROM jobs INDEXED BY waiting_by_model WHERE state = 'queued' GROUP BY normalised_model`,
  )

  return {
    insert(row) {
      const inserted = insert.get({ ...row })
      if (inserted === undefined) throw new Error(`job ${row.id} was not inserted`)
      return inserted.sequence
    },
    find: (id) => find.get({ id }) ?? null,
    change: (given) => change.get(given.event)?.get(changeParams(given)) ?? null,
    claim: (sequence, event, now) => claim[event].get({ sequence, now: whole(now) }) ?? null,
    orphan: (id, now) => orphan.get({ id, now: whole(now) }) ?? null,
    adopt: (id) => adopt.get({ id }) ?? null,
    skipChange: (sequence) => void skipChange.run({ sequence }),
    interruptible: () => interruptible.all({}),
    prune: (before, limit) => prune.all({ before: whole(before), limit }),
    delete: (sequence) => deleteOne.get({ sequence }) ?? null,
    oldestWaitingOf: (model) => oldestWaitingOf.get({ model }) ?? null,
    pastRuns: (limit) => pastRuns.all({ limit }).map(({ affinity, ms, load_ms: loadMs }) => ({ affinity, ms, loadMs })),
    countByState: () => countByState.all({}),
    waitingByModel: () => waitingByModel.all({}),
  }
}
