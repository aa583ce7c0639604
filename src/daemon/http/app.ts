// Owns what the HTTP half may ask of the rest of the daemon. Handlers get this and nothing else: they enqueue, read, wake
// and cancel, and never apply a change to a job themselves.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressPolicy } from '../address-policy.ts'
import type { Turn } from '../affinity.ts'
import type { AwakeClock } from '../awake-clock.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { RunTimes } from '../eta.ts'
import type { Job, Submission } from '../job.ts'
import type { LoadCounts } from '../load-counters.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { KnownModel } from '../model-facts.ts'
import type { Pause, PauseRequest, UnloadReport } from '../pause.ts'
import type { Relay } from '../relay.ts'
import type { AnswerSoFar, RunningJob } from '../services/run.ts'
import type { Store } from '../store/store.ts'
import type { Target } from '../target/target.ts'
import type { TargetStatus } from '../target-status.ts'
import type { QueueCondition } from '../waiting.ts'

/** What the HTTP half knows of the prober. */
export interface Probes {
  /** The last word on the target; never waits. */
  readonly status: TargetStatus
  /** Probes now, or joins the probe that is under way. Never throws. */
  probe(reason: string): Promise<TargetStatus>
  /** Something that changes models went by: probe, without waiting for it. */
  soon(reason: string): void
  /** True after a warning that the target cannot hold embedder and worker at once. */
  readonly slotsTooFew: boolean
}

/** What the HTTP half knows of the dispatcher. */
export interface Queue {
  readonly paused: boolean
  readonly pauseNow: Pause | null
  /** What became of the last pause's unload; null where none was asked for. */
  readonly unloadReport: UnloadReport | null
  readonly running: RunningJob | null
  /** Milliseconds a job has taken lately; null while nothing ran. */
  readonly recentRunMs: number | null
  readonly loads: LoadCounts
  /** What the target holds, and the drain clock, as the next claim will see them. */
  readonly residency: Turn
  /** What holds the queue now. */
  readonly condition: QueueCondition
  /** What jobs and loads have taken lately, for estimates. */
  readonly runTimes: RunTimes
  /** Of the async job that runs; else null. */
  answerSoFar(id: string): AnswerSoFar | null
  /**
   * Ends a job, whoever submitted it. `stopping`: it runs, and its final state comes in a moment; `cancelled`: it waited;
   * `over`: it had ended before; `unknown`: there is none.
   */
  cancel(id: string): Promise<'stopping' | 'cancelled' | 'over' | 'unknown'>
  /** Resolves when it is on disk. */
  pause(request: PauseRequest): Promise<void>
  /** Resolves when the unload is done or cannot be done now, or when the pause has ended. */
  unloadReported(): Promise<void>
  resume(): Promise<void>
  /** Something may have become claimable. */
  wake(): void
  /** An async job was written to the queue: tells watchers and the deliverer, and wakes the loop. */
  enqueued(job: Job): void
}

/** The blocked callers: takes a submission whose request was read and allowed, and answers it to its end. */
export interface LiveCalls {
  /** `fingerprint`: of the request, to know a retry by (retry.ts). */
  handle(req: IncomingMessage, res: ServerResponse, submission: Submission, fingerprint: string): Promise<void>
  readonly waiting: number
}

export type Phase = 'starting' | 'ready' | 'stopping'

export interface App {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly store: Store
  readonly target: Target
  readonly relay: Relay
  readonly awake: AwakeClock
  /** A new ULID; rising. */
  readonly newId: () => string
  /** The id of this daemon in the hop header. */
  readonly hop: string
  readonly probes: Probes
  /** What the target has told of a model; null while it has told nothing. */
  readonly knownModel: (model: string) => KnownModel | null
  readonly queue: Queue
  readonly live: LiveCalls
  /** Where webhooks may go now, for `webhookUrlRefusal`. */
  readonly webhookPolicy: AddressPolicy
  /** A webhook is due that no state change led to. */
  readonly deliverer: { wake(): void }
  /** A job with a deadline was written to the queue. */
  readonly deadlines: { wake(): void }
  readonly phase: Phase
  /** Free disk is below FOREMAN_MIN_FREE, or the store said that the disk is full. */
  readonly storageFull: boolean
  /** As last read; null before that. */
  readonly disk: { readonly freeBytes: number | null; readonly databaseBytes: number | null }
  /** The port that was bound (0 before). */
  readonly port: number
}
