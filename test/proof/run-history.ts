// Records of a run: what clients, target and receiver saw, and the final document of every job. Plain values; the watched-*.ts files
// collect them and the check-*.ts files judge them.

import type { JobDocument, JobState } from '../../src/protocol/wire.ts'

/** Value of the run's LogicalClock: the lower one was first. Never a time. */
export type LogicalTime = number

/** An event of a job's stream; a record's data is the text that arrived. */
export type SeenEvent =
  | {
      readonly type: 'state'
      readonly number: number
      readonly state: JobState
      readonly previous: JobState | null
      readonly attempt: number
      readonly timestamp: string
    }
  | { readonly type: 'record'; readonly number: number; readonly data: string }

/** A `POST /jobs` or a retry. A request that was sent again until it was answered has several, with the same `ref` and key. */
export interface Submit {
  /** The job's label; unique for each request body. */
  readonly ref: string
  /** Idempotency-Key. */
  readonly key: string | null
  /** The job that it retries. */
  readonly retryOf: string | null
  /** SHA-256 of what must reach the target. */
  readonly body: string
  /** The states for which a webhook is sent; null without a webhook. */
  readonly webhookStates: readonly JobState[] | null
  readonly askedAt: LogicalTime
  /** `unknown`: the connection was cut before an answer, so the job may or may not exist. */
  readonly outcome:
    | { readonly kind: 'accepted'; readonly jobId: string; readonly at: LogicalTime }
    | { readonly kind: 'refused'; readonly status: number }
    | { readonly kind: 'unknown' }
}

/** A waiting call. */
export interface Call {
  readonly ref: string
  readonly body: string
  /** Null if the response head never arrived. */
  readonly jobId: string | null
  readonly status: number | null
  /** foreman's own error (X-Foreman-Error), not the target's answer. */
  readonly isOwnError: boolean
  /** The whole body that arrived, heartbeats included. */
  readonly heard: string
  /** `whole`: ended as its framing says. `left`: the caller hung up first. */
  readonly ending: 'whole' | 'cut' | 'left'
  readonly askedAt: LogicalTime
  readonly endedAt: LogicalTime
}

/** A job document that a client received from any endpoint. */
export interface Reading {
  readonly jobId: string
  readonly state: JobState
  readonly attempt: number
  readonly finishedAt: string | null
  readonly askedAt: LogicalTime
  readonly answeredAt: LogicalTime
}

export interface Cancel {
  readonly jobId: string
  readonly askedAt: LogicalTime
}

/** A watcher of one job, over all its connections. */
export interface Watch {
  readonly jobId: string
  readonly parts: readonly {
    /** The `after` parameter: only later events were requested. */
    readonly after: number
    readonly events: readonly SeenEvent[]
    readonly ending: 'whole' | 'cut' | 'left'
  }[]
}

/** A worker request at the target. */
export interface Execution {
  readonly jobId: string
  readonly attempt: number
  /** SHA-256 of the request's body. */
  readonly body: string
  readonly beganAt: LogicalTime
  /** When the target ended it, or saw the connection close. */
  readonly endedAt: LogicalTime
  readonly ending: /** The terminal marker and a clean end. */
    | 'whole'
    /** A clean end without the marker. */
    | 'unmarked'
    /** An error record or an HTTP error. */
    | 'error'
    /** 503 "server busy": not accepted. */
    | 'busy'
    /** The target cut the connection. */
    | 'cut'
    /** The daemon closed the connection. */
    | 'aborted'
  readonly status: number | null
  /** The part of the body that was sent. */
  readonly sent: string
  /** The text of the whole answer. */
  readonly text: string
}

/** A webhook that the receiver got. */
export interface Arrival {
  /** From the path of the receiver URL. */
  readonly ref: string
  readonly webhookId: string
  /** Both signatures are valid, and the timestamp is close to the receiver's time. */
  readonly isAuthentic: boolean
  readonly jobId: string
  readonly sequence: number
  readonly state: JobState
  readonly previous: JobState | null
  readonly attempt: number
  readonly timestamp: string
  /** `completion` of the final payload; null if it has none. */
  readonly completion: string | null
  readonly at: LogicalTime
  /** What the receiver answered, and when; null without an answer. */
  readonly answer: { readonly status: number; readonly at: LogicalTime } | null
}

/** A job after the run. */
export interface Final {
  readonly job: JobDocument
  /** Null for a waiting call, whose changes are not kept. */
  readonly events: readonly SeenEvent[] | null
  readonly eventsAgain: readonly SeenEvent[] | null
  /** The artifacts as text; null if the job has none. */
  readonly response: string | null
  readonly completion: string | null
}

/** The end of a daemon process, between `at` and `goneAt`. Nothing of it is seen after `goneAt`, nothing of the next one before. */
export interface Kill {
  /** The signal that ended it. */
  readonly signal: 'SIGKILL' | 'SIGTERM'
  /** A SIGTERM was sent first, so the daemon may have begun a graceful stop even if SIGKILL ended it. */
  readonly isStopping: boolean
  readonly at: LogicalTime
  readonly goneAt: LogicalTime
}

export interface RunHistory {
  readonly maxAttempts: number
  readonly kills: readonly Kill[]
  readonly submits: readonly Submit[]
  readonly calls: readonly Call[]
  readonly readings: readonly Reading[]
  readonly cancels: readonly Cancel[]
  readonly watches: readonly Watch[]
  readonly executions: readonly Execution[]
  readonly arrivals: readonly Arrival[]
  readonly finals: readonly Final[]
}

/** A violated invariant, the job, and the evidence. */
export interface Violation {
  readonly invariant: string
  readonly jobId: string | null
  readonly evidence: string
}

/** All records of one job. */
export interface JobRecords {
  readonly jobId: string
  readonly final: Final
  /** The submissions of its request, with refused and unknown ones. For a retry, those of the retry. */
  readonly submits: readonly Submit[]
  readonly calls: readonly Call[]
  readonly readings: readonly Reading[]
  readonly cancels: readonly Cancel[]
  readonly watches: readonly Watch[]
  readonly executions: readonly Execution[]
  readonly arrivals: readonly Arrival[]
}

/** Checks one job; returns a sentence of evidence for each violation. */
export type JobCheck = (one: JobRecords, history: RunHistory) => readonly string[]
/** Checks the whole run; each violation names its job. */
export type RunCheck = (history: RunHistory) => readonly { readonly jobId: string | null; readonly evidence: string }[]
