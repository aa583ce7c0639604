// Owns the words in which the three witnesses of a run testify: what clients were told, what the target saw, what receivers
// got; and what every job shows at the end. Plain values; who collects them and who judges them are other files.

import type { JobDocument, JobState } from '../../src/protocol/wire.ts'

/** From one count over everything that the witnesses saw: who has the lower one was first. Never a time. */
export type Moment = number

/** An event of a job's stream, its record as the text that came. */
export type Heard =
  | {
      readonly type: 'state'
      readonly number: number
      readonly state: JobState
      readonly previous: JobState | null
      readonly attempt: number
      readonly timestamp: string
    }
  | { readonly type: 'record'; readonly number: number; readonly data: string }

/** A `POST /jobs`, or a retry. One piece of work may have several, with the same `ref` (and key): asked until answered. */
export interface Submit {
  /** The job's label. Different work has different ones. */
  readonly ref: string
  /** Idempotency-Key. */
  readonly key: string | null
  /** The job that it is a retry of. */
  readonly retryOf: string | null
  /** SHA-256 of what has to reach the target. */
  readonly body: string
  /** The state changes that somebody is to be told of; null: no webhook. */
  readonly told: readonly JobState[] | null
  readonly askedAt: Moment
  /** `unknown`: the line was cut before an answer, so it may have been taken or not. */
  readonly outcome:
    | { readonly kind: 'accepted'; readonly jobId: string; readonly at: Moment }
    | { readonly kind: 'refused'; readonly status: number }
    | { readonly kind: 'unknown' }
}

/** A blocked call. */
export interface Call {
  readonly ref: string
  readonly body: string
  /** Null: the head never came. */
  readonly jobId: string | null
  readonly status: number | null
  /** foreman's own error (X-Foreman-Error), not the target's answer. */
  readonly isOwnError: boolean
  /** All that came, beats included. */
  readonly heard: string
  /** `whole`: ended as its framing says. `left`: the caller hung up. */
  readonly ending: 'whole' | 'cut' | 'left'
  readonly askedAt: Moment
  readonly endedAt: Moment
}

/** A job as a client was shown it, by whatever call. */
export interface Reading {
  readonly jobId: string
  readonly state: JobState
  readonly attempt: number
  readonly finishedAt: string | null
  readonly askedAt: Moment
  readonly answeredAt: Moment
}

export interface Cancel {
  readonly jobId: string
  readonly askedAt: Moment
}

/** One who looks on, over all the connections that he needed. */
export interface Watch {
  readonly jobId: string
  readonly parts: readonly {
    /** He asked for what comes behind this event. */
    readonly after: number
    readonly events: readonly Heard[]
    readonly ending: 'whole' | 'cut' | 'left'
  }[]
}

/** A worker request at the target. */
export interface Execution {
  readonly jobId: string
  readonly attempt: number
  /** SHA-256 of the request's body. */
  readonly body: string
  readonly beganAt: Moment
  /** When the target was done with it, or saw its caller go. */
  readonly endedAt: Moment
  readonly ending: /** The terminal marker and a clean end. */
    | 'whole'
    /** A clean end without the marker. */
    | 'unmarked'
    /** An error record or an HTTP error. */
    | 'error'
    /** 503 "server busy": not taken. */
    | 'busy'
    /** The target cut the connection. */
    | 'cut'
    /** The other side went away. */
    | 'aborted'
  readonly status: number | null
  /** The body that it sent, as far as it was sent. */
  readonly sent: string
  /** What the model says in it, if it comes to its end. */
  readonly text: string
}

/** A webhook that came in. */
export interface Arrival {
  /** From the path: what the submit gave as the receiver. */
  readonly ref: string
  readonly webhookId: string
  /** Both signatures fit, and the timestamp is the receiver's time. */
  readonly isBelieved: boolean
  readonly jobId: string
  readonly sequence: number
  readonly state: JobState
  readonly previous: JobState | null
  readonly attempt: number
  readonly timestamp: string
  /** `completion` of the final payload; null: it has none. */
  readonly completion: string | null
  readonly at: Moment
  /** What the receiver answered, and when; null: it did not. */
  readonly answer: { readonly status: number; readonly at: Moment } | null
}

/** What a job shows when all is quiet again. */
export interface Final {
  readonly job: JobDocument
  /** Null: a blocked call, whose changes are not kept. */
  readonly events: readonly Heard[] | null
  readonly eventsAgain: readonly Heard[] | null
  /** The artifacts' bytes as text; null: there is none. */
  readonly response: string | null
  readonly completion: string | null
}

/** The end of a life, somewhere between the two: nothing of it was seen after `goneAt`, nothing of the next one before. */
export interface Kill {
  /** What ended it. */
  readonly signal: 'SIGKILL' | 'SIGTERM'
  /** A SIGTERM was sent first: the daemon may have begun an orderly stop, also where a SIGKILL ended it. */
  readonly isStopping: boolean
  readonly at: Moment
  readonly goneAt: Moment
}

export interface History {
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

/** A breach: which invariant, of which job, and what shows it. */
export interface Violation {
  readonly invariant: string
  readonly jobId: string | null
  readonly evidence: string
}

/** One job, and all that was witnessed of it. */
export interface Case {
  readonly jobId: string
  readonly final: Final
  /** The submits of its work, refused and unknown ones included; of a retry: those of the retry. */
  readonly submits: readonly Submit[]
  readonly calls: readonly Call[]
  readonly readings: readonly Reading[]
  readonly cancels: readonly Cancel[]
  readonly watches: readonly Watch[]
  readonly executions: readonly Execution[]
  readonly arrivals: readonly Arrival[]
}

/** What an invariant says of one job: a sentence of evidence for each breach. */
export type JudgeCase = (one: Case, history: History) => readonly string[]
/** The same of the whole run, with the job that it concerns. */
export type JudgeRun = (history: History) => readonly { readonly jobId: string | null; readonly evidence: string }[]
