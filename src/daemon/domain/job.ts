// Owns what a job is, its states, and THE table of legal changes (the SQL guard, docs/job-lifecycle.md and the
// exhaustive test read this one value). Pure: no I/O, no clock; `now` is an argument.

import type { ErrorCode } from '../../protocol/error.ts'
import type { EndpointPath } from './endpoint.ts'

export const STATES = ['queued', 'loading', 'working', 'done', 'failed', 'cancelled'] as const
export type State = (typeof STATES)[number]

export const FINAL_STATES = ['done', 'failed', 'cancelled'] as const satisfies readonly State[]
export type FinalState = (typeof FINAL_STATES)[number]

export const isFinal = (state: State): state is FinalState => (FINAL_STATES as readonly State[]).includes(state)

export interface Transition {
  readonly from: readonly State[]
  readonly to: State
  /** What the change does to the number of attempts: a claim counts one; what was not the job's fault takes it back. */
  readonly attempt: 1 | 0 | -1
  readonly why: string
}

const SENT = ['loading', 'working'] as const

export const TRANSITIONS = {
  claimed_cold: { from: ['queued'], to: 'loading', attempt: 1, why: 'sent; its model is not resident' },
  claimed_warm: { from: ['queued'], to: 'working', attempt: 1, why: 'sent; its affinity is resident' },
  first_byte: { from: ['loading'], to: 'working', attempt: 0, why: 'the first byte came (unstreamed: the headers)' },
  completed: { from: SENT, to: 'done', attempt: 0, why: 'the terminal marker was seen' },
  target_error: {
    from: SENT,
    to: 'failed',
    attempt: 0,
    why: 'the target answered with an error, or ended its stream with one',
  },
  incomplete_stream: { from: SENT, to: 'failed', attempt: 0, why: 'a clean end without the terminal marker' },
  bad_answer: { from: SENT, to: 'failed', attempt: 0, why: 'what answered is not an Ollama' },
  stalled: {
    from: SENT,
    to: 'failed',
    attempt: 0,
    why: 'no byte for FOREMAN_STALL_LIMIT although the target answers probes',
  },
  run_limit: { from: SENT, to: 'failed', attempt: 0, why: 'ran longer than FOREMAN_RUN_LIMIT' },
  answer_too_large: {
    from: SENT,
    to: 'failed',
    attempt: 0,
    why: 'the answer of an async job is larger than FOREMAN_MAX_ANSWER',
  },
  unreachable_too_long: {
    from: ['queued'],
    to: 'failed',
    attempt: 0,
    why: "a blocked caller's FOREMAN_UNREACHABLE_GRACE is over",
  },
  unreached: { from: SENT, to: 'queued', attempt: -1, why: 'the connection proved dead before the request was out' },
  target_busy: {
    from: SENT,
    to: 'queued',
    attempt: -1,
    why: '503 "server busy", a proxy\'s 502, 503 or 504, or, if nobody waits, 429 or 503 with Retry-After; at most ten times the attempts',
  },
  connection_lost: {
    from: SENT,
    to: 'queued',
    attempt: 0,
    why: 'lost after it was sent, attempts left; waits out a backoff',
  },
  attempts_exhausted: { from: SENT, to: 'failed', attempt: 0, why: 'lost after it was sent, no attempts left' },
  stream_broken: { from: SENT, to: 'failed', attempt: 0, why: 'lost when bytes had already reached a live caller' },
  interrupted: { from: SENT, to: 'queued', attempt: -1, why: 'our own clean stop' },
  recovered: { from: SENT, to: 'queued', attempt: 0, why: 'found after a crash; the attempt stays counted' },
  cancelled: {
    from: ['queued', 'loading', 'working'],
    to: 'cancelled',
    attempt: 0,
    why: 'a cancel call, a deadline, a caller who is gone, or a stop',
  },
} as const satisfies Record<string, Transition>

export type EventName = keyof typeof TRANSITIONS

/** Who waits: `live` holds the line and dies with it, `none` was told a job id and comes back. */
export type CallerKind = 'live' | 'none'

/** What a caller asks for, after the HTTP half has read the few keys that foreman routes by. */
export interface Submission {
  readonly endpoint: EndpointPath
  /** As the caller wrote it. */
  readonly model: string
  readonly affinity: string
  readonly stream: boolean
  /** A native request with nothing to say: it only loads its model. */
  readonly loadOnly: boolean
  /** A native request that carries no `keep_alive`, and may be given one when it is sent. */
  readonly lacksKeepAlive?: true
  /** Sent on to the target as they came; null where the caller sent none. */
  readonly contentType: string | null
  readonly contentEncoding: string | null
  /** What goes to the target, byte for byte. Not to be touched from here on: its buffer may be moved to another thread. */
  readonly body: Uint8Array<ArrayBuffer>
}

/** What an async submit asks for beside the work. */
export interface Wishes {
  readonly label: string | null
  /** Told of state changes; null = nobody is. */
  readonly webhookUrl: string | null
  /** Which of them. */
  readonly webhookEvents: readonly State[]
  /** Durations from the submit, ms: not started, or not over by then, it is cancelled. */
  readonly startBeforeMs: number | null
  readonly finishBeforeMs: number | null
  /** A `format` was asked for: the completion is JSON. */
  readonly isJson: boolean
}

export const NO_WISHES: Wishes = {
  label: null,
  webhookUrl: null,
  webhookEvents: [],
  startBeforeMs: null,
  finishBeforeMs: null,
  isJson: false,
}

/** Same key and same fingerprint: the same job again. */
export interface Idempotency {
  readonly key: string
  /** SHA-256 over endpoint and body as they came. */
  readonly fingerprint: Uint8Array<ArrayBuffer>
}

export interface NewJob extends Submission {
  /** ULID. */
  readonly id: string
  readonly caller: CallerKind
  /** Absent: none, and no key. */
  readonly wishes?: Wishes
  readonly idempotency?: Idempotency
  /** Wall time, ms. */
  readonly createdAt: number
  /** The queue's awake clock (ms that a reachable target could have worked), §2 "time asleep not counted". */
  readonly createdAwake: number
}

export interface JobError {
  readonly code: ErrorCode
  readonly message: string
  /** The target's HTTP status, where it gave one. */
  readonly status: number | null
}

/** Measured by us, or told by the target in its last record. Milliseconds; null where unknown. */
export interface Measured {
  readonly loadMs: number | null
  /** How long the target generated tokens; null if it does not tell (only Ollama's own API does). */
  readonly evalMs: number | null
  /** All tokens of the prompt, cached ones included. */
  readonly promptTokens: number | null
  /** Those of the prompt that the target took from its cache; null if it does not tell (before 0.34). */
  readonly cachedTokens: number | null
  readonly completionTokens: number | null
  readonly doneReason: string | null
}

/** A row of the queue. Times are wall ms. */
export interface Job {
  readonly sequence: number
  readonly id: string
  readonly state: State
  /** State changes until now: 1 when it was queued. The number of the last one. */
  readonly changes: number
  readonly wishes: Wishes
  /** Id of the job that this one repeats. */
  readonly retryOf: string | null
  readonly caller: CallerKind
  readonly endpoint: EndpointPath
  readonly model: string
  readonly affinity: string
  readonly stream: boolean
  readonly loadOnly: boolean
  readonly lacksKeepAlive: boolean
  readonly contentType: string | null
  readonly contentEncoding: string | null
  readonly bodyBytes: number
  readonly attempt: number
  /** How often it was put back without an attempt (target_busy, unreached). */
  readonly bounces: number
  readonly createdAt: number
  readonly createdAwake: number
  /** Waits out a backoff until then; null = may be claimed now. */
  readonly availableAt: number | null
  /** Its blocked caller hung up then, and may still come back; null = not an orphan. */
  readonly orphanedAt: number | null
  /** When it last came back to the queue; null: it has been queued once. */
  readonly requeuedAt: number | null
  /** First claim. */
  readonly startedAt: number | null
  /** Last claim. */
  readonly claimedAt: number | null
  /** First byte of the last attempt. */
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

/** Where a queued job stands. */
export interface QueuePosition {
  /** What waits and will be sent before it in drain order, grouped by affinity, in that order; its own group last. */
  readonly ahead: readonly { readonly affinity: string; readonly jobs: number }[]
  /** The affinity that is drained before its own; absent if none is. */
  readonly draining?: Draining
}

export interface Draining {
  readonly affinity: string
  /** Milliseconds of the awake clock until the queue turns to the oldest job; null: no bound, or older jobs of its own come first. */
  readonly turnsInMs: number | null
}

/** What may wait in the queue. */
export interface QueueLimits {
  readonly maxQueue: number
  readonly maxQueueBytes: number
}

export interface Depth {
  readonly jobs: number
  readonly bytes: number
}

/** Whether one more body of `bodyBytes` may wait. An empty queue takes anything that FOREMAN_MAX_BODY let in. */
export function admit(bodyBytes: number, depth: Depth, limits: QueueLimits): 'admitted' | 'queue_full' {
  if (depth.jobs >= limits.maxQueue) return 'queue_full'
  if (depth.jobs > 0 && depth.bytes + bodyBytes > limits.maxQueueBytes) return 'queue_full'
  return 'admitted'
}

/**
 * Seconds after which a place is likely to be free: what waits times what a job has taken lately, over the queue's
 * length; between 1 s and 10 min, and 10 s while nothing has been measured. "Honest", not exact.
 */
export function retryAfterSeconds(depth: Depth, limits: QueueLimits, recentRunMs: number | null): number {
  if (recentRunMs === null) return 10
  const surplus = Math.max(1, depth.jobs - limits.maxQueue + 1)
  return Math.min(600, Math.max(1, Math.ceil((surplus * recentRunMs) / 1000)))
}
