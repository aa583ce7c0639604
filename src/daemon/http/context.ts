// What a request handler may use of the rest of the daemon. Handlers enqueue, read, wake and cancel; they never apply a change
// to a job themselves.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from '../config/options.ts'
import type { Submission } from '../domain/job.ts'
import type { KnownModel } from '../domain/model-facts.ts'
import type { Target } from '../ollama/target.ts'
import type { AwakeClock, Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Relay } from '../runtime/relay.ts'
import type { Disk } from '../services/disk.ts'
import type { Dispatcher } from '../services/dispatcher.ts'
import type { Pausing } from '../services/pausing.ts'
import type { Prober } from '../services/prober.ts'
import type { Store } from '../sqlite/store.ts'
import type { AddressPolicy } from '../webhooks/address-policy.ts'
import type { OwnError } from './respond.ts'

/** The members of the dispatcher that handlers use. */
type DispatcherMembers =
  | ('paused' | 'running' | 'loads' | 'residency' | 'condition' | 'runTimes')
  | ('answerSoFar' | 'cancel' | 'wake' | 'enqueued')

export type Phase = 'starting' | 'ready' | 'stopping'

export interface HttpContext {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly store: Store
  readonly target: Target
  readonly relay: Relay
  readonly awake: AwakeClock
  /** Returns a new ULID, higher than the last. */
  readonly newId: () => string
  /** The id of this daemon in the hop header. */
  readonly hop: string
  readonly prober: Pick<Prober, 'status' | 'probe' | 'soon' | 'slotsTooFew'>
  /** What the target has said of a model. Returns null if it has said nothing yet. */
  readonly knownModel: (model: string) => KnownModel | null
  readonly dispatcher: Pick<Dispatcher, DispatcherMembers> & {
    readonly pausing: Pick<Pausing, 'current' | 'report' | 'pause' | 'unloadReported' | 'resume'>
  }
  /** The waiting calls, `LiveCallers` of live.ts. */
  readonly live: {
    readonly waiting: number
    handle(req: IncomingMessage, res: ServerResponse, submission: Submission, print: string): Promise<OwnError | null>
  }
  /** The addresses to which webhooks may be sent now, for `webhookUrlRefusal`. */
  readonly webhookPolicy: () => AddressPolicy
  /** Call `wake` when a webhook becomes due without a state change. */
  readonly deliverer: { wake(): void }
  /** Call `wake` when a job with a deadline was enqueued. */
  readonly deadlines: { wake(): void }
  readonly phase: Phase
  readonly disk: Pick<Disk, 'full' | 'freeBytes' | 'databaseBytes'>
}
