// Jobs, their states, and the table of legal transitions. The SQL guard, docs/job-lifecycle.md and the exhaustive test
// read this table. Pure: `now` is an argument.

import type { ErrorCode } from '../../protocol/error.ts'
import type { JobErrorDocument } from '../../protocol/wire.ts'
import type { EndpointPath } from './endpoint.ts'

export const STATES = ['queued', 'loading', 'working', 'done', 'failed', 'cancelled'] as const
export type State = (typeof STATES)[number]

export const FINAL_STATES = ['done', 'failed', 'cancelled'] as const satisfies readonly State[]
export type FinalState = (typeof FINAL_STATES)[number]

export const isFinal = (state: State): state is FinalState => (FINAL_STATES as readonly State[]).includes(state)

export interface Transition {
  readonly from: readonly State[]
  readonly to: State
  /** Change of the number of attempts: a claim counts one; an event that was not the job's fault takes it back. */
  readonly attempt: 1 | 0 | -1
  readonly why: string
}

const SENT = ['loading', 'working'] as const

const toFailed = (why: string) => ({ from: SENT, to: 'failed', attempt: 0, why }) as const
const toQueued = <A extends 0 | -1>(attempt: A, why: string) => ({ from: SENT, to: 'queued', attempt, why }) as const

export const TRANSITIONS = {
  claimed_cold: { from: ['queued'], to: 'loading', attempt: 1, why: 'sent; its model is not resident' },
  claimed_warm: { from: ['queued'], to: 'working', attempt: 1, why: 'sent; its affinity is resident' },
  first_byte: { from: ['loading'], to: 'working', attempt: 0, why: 'the first byte came (unstreamed: the headers)' },
  completed: { from: SENT, to: 'done', attempt: 0, why: 'the last record of the answer came' },
  target_error: toFailed('the target answered with an error, or ended its stream with one'),
  incomplete_stream: toFailed('the answer ended without its last record'),
  bad_answer: toFailed('the answer is not one of Ollama'),
  stalled: toFailed('no byte for FOREMAN_STALL_LIMIT although the target answers probes'),
  run_limit: toFailed('ran longer than FOREMAN_RUN_LIMIT'),
  answer_too_large: toFailed('the answer of an async job is larger than FOREMAN_MAX_ANSWER'),
  unreachable_too_long: {
    from: ['queued'],
    to: 'failed',
    attempt: 0,
    why: "a waiting call's FOREMAN_UNREACHABLE_GRACE is over",
  },
  unreached: toQueued(-1, 'the connection failed before the request was sent'),
  target_busy: toQueued(
    -1,
    '503 "server busy", a proxy\'s 502, 503 or 504, or, for an async job, 429 or 503 with Retry-After; at most ten times FOREMAN_MAX_ATTEMPTS',
  ),
  connection_lost: toQueued(0, 'connection lost after sending, attempts left; waits for a backoff'),
  attempts_exhausted: toFailed('connection lost after sending, no attempts left'),
  stream_broken: toFailed('connection lost after the caller had received bytes'),
  interrupted: toQueued(-1, 'foreman was stopped'),
  recovered: toQueued(0, 'found at the start after a crash; the attempt stays counted'),
  cancelled: {
    from: ['queued', 'loading', 'working'],
    to: 'cancelled',
    attempt: 0,
    why: 'a cancel call, a deadline, a caller that hung up, or a stop',
  },
} as const satisfies Record<string, Transition>

export type EventName = keyof typeof TRANSITIONS

/** The events that end an attempt: those that leave `working`. */
export type AttemptEvent = {
  [E in EventName]: 'working' extends (typeof TRANSITIONS)[E]['from'][number] ? E : never
}[EventName]

export const isAttemptEvent = (name: string): name is AttemptEvent => ATTEMPT_EVENTS.some((event) => event === name)

export const ATTEMPT_EVENTS = (Object.keys(TRANSITIONS) as EventName[]).filter((event): event is AttemptEvent =>
  (TRANSITIONS[event].from as readonly State[]).includes('working'),
)

/**
 * `live`: a waiting call, which waits on its connection and is cancelled when that closes. `none`: an async job; its
 * caller got the job id and comes back.
 */
export type CallerKind = 'live' | 'none'

/** A parsed request. Only the few keys that foreman routes by were read. */
export interface Submission {
  readonly endpoint: EndpointPath
  /** As the caller wrote it. */
  readonly model: string
  readonly affinity: string
  readonly stream: boolean
  /** A native request without a prompt or messages: it only loads its model. */
  readonly loadOnly: boolean
  /** A native request without `keep_alive`, to which one may be added when it is sent. */
  readonly lacksKeepAlive?: true
  /** Passed on to the target unchanged; null if the caller sent none. */
  readonly contentType: string | null
  readonly contentEncoding: string | null
  /** Sent to the target byte for byte. Must not be used after this: its buffer may be moved to another thread. */
  readonly body: Uint8Array<ArrayBuffer>
}

/** Options of an async job: the values of foreman's own keys in the body of `POST /jobs`. */
export interface AsyncOptions {
  readonly label: string | null
  /** Receives a POST for each state change; null if none is wanted. */
  readonly webhookUrl: string | null
  /** The states to report. */
  readonly webhookEvents: readonly State[]
  /** Durations since the submit, ms: a job that has not started, or not ended, by then is cancelled. */
  readonly startBeforeMs: number | null
  readonly finishBeforeMs: number | null
  /** A `format` was requested: the completion is JSON. */
  readonly isJson: boolean
}

export const NO_OPTIONS: AsyncOptions = {
  label: null,
  webhookUrl: null,
  webhookEvents: [],
  startBeforeMs: null,
  finishBeforeMs: null,
  isJson: false,
}

/** The same key with the same fingerprint returns the same job. */
export interface Idempotency {
  readonly key: string
  /** SHA-256 over endpoint and body as received. */
  readonly fingerprint: Uint8Array<ArrayBuffer>
}

export interface NewJob extends Submission {
  /** ULID. */
  readonly id: string
  readonly caller: CallerKind
  /** Absent for a waiting call. */
  readonly options?: AsyncOptions
  readonly idempotency?: Idempotency
  /** Wall time, ms. */
  readonly createdAt: number
  /** The awake clock: milliseconds during which the target was reachable. */
  readonly createdAwake: number
}

/** Why a job failed or was cancelled. */
export interface JobError extends Readonly<JobErrorDocument> {
  readonly code: ErrorCode
}

/** Measured by foreman, or reported by the target in its last record. Milliseconds; null if unknown. */
export interface Measured {
  readonly loadMs: number | null
  /** Time that the target took to generate tokens; null if it does not say (only Ollama's own API does). */
  readonly evalMs: number | null
  /** All tokens of the prompt, cached ones included. */
  readonly promptTokens: number | null
  /** Prompt tokens that came from the target's cache; null if it does not say (before 0.34). */
  readonly cachedTokens: number | null
  readonly completionTokens: number | null
  readonly doneReason: string | null
}

/** A row of the queue. Times are wall ms. */
export interface Job extends Omit<Submission, 'body' | 'lacksKeepAlive'> {
  readonly sequence: number
  readonly id: string
  readonly state: State
  /** Number of state changes until now, which is the number of the last one; 1 once it was queued. */
  readonly changes: number
  readonly options: AsyncOptions
  /** Id of the job that this one repeats (retry); else null. */
  readonly retryOf: string | null
  readonly caller: CallerKind
  readonly lacksKeepAlive: boolean
  readonly bodyBytes: number
  readonly attempt: number
  /** How often it was put back without using an attempt (target_busy, unreached). */
  readonly bounces: number
  readonly createdAt: number
  readonly createdAwake: number
  /** End of its backoff; null if it may be claimed now. */
  readonly availableAt: number | null
  /** When the caller of a waiting call hung up; it may still come back. Null if the job is not an orphan. */
  readonly orphanedAt: number | null
  /** When it was last put back in the queue; null if it never was. */
  readonly requeuedAt: number | null
  /** When it was first claimed; null while it has never been sent. */
  readonly startedAt: number | null
  /** When it was last claimed. */
  readonly claimedAt: number | null
  /** When the first byte of the last attempt came. */
  readonly workingAt: number | null
  readonly finishedAt: number | null
  readonly error: JobError | null
  readonly measured: Measured | null
}

/** One state change of an async job, wall ms. */
export interface StateChange {
  /** From 1, in order. */
  readonly number: number
  readonly state: State
  readonly previous: State | null
  readonly attempt: number
  readonly at: number
}

/** Position of a queued job. */
export interface QueuePosition {
  /** Waiting jobs that will be sent before it, grouped by affinity, in drain order; its own group is the last. */
  readonly ahead: readonly { readonly affinity: string; readonly jobs: number }[]
  /** The affinity that is drained before its own; absent if none is. */
  readonly draining?: Draining
}

export interface Draining {
  readonly affinity: string
  /**
   * Milliseconds of the awake clock until the queue switches to the oldest job. Null without a limit, or if older jobs
   * of that affinity come first.
   */
  readonly turnsInMs: number | null
}

/** Limits of the queue. */
export interface QueueLimits {
  readonly maxQueue: number
  readonly maxQueueBytes: number
}

export interface Depth {
  readonly jobs: number
  readonly bytes: number
}

/** Whether one more body of `bodyBytes` may wait. An empty queue admits any body that FOREMAN_MAX_BODY allows. */
export function admit(bodyBytes: number, depth: Depth, limits: QueueLimits): 'admitted' | 'queue_full' {
  if (depth.jobs >= limits.maxQueue) return 'queue_full'
  if (depth.jobs > 0 && depth.bytes + bodyBytes > limits.maxQueueBytes) return 'queue_full'
  return 'admitted'
}

/**
 * Seconds after which the queue is likely to have room: the number of surplus jobs times the recent run time, between 1
 * s and 10 min; 10 s if nothing has been measured. An estimate, not a promise.
 */
export function retryAfterSeconds(depth: Depth, limits: QueueLimits, recentRunMs: number | null): number {
  if (recentRunMs === null) return 10
  const surplus = Math.max(1, depth.jobs - limits.maxQueue + 1)
  return Math.min(600, Math.max(1, Math.ceil((surplus * recentRunMs) / 1000)))
}
