// What a request handler may use of the rest of the daemon. Handlers enqueue, read, wake and cancel; they never apply a change
// to a job themselves.

import type { Config } from '../config/options.ts'
import type { KnownModel } from '../domain/model-facts.ts'
import type { Target } from '../ollama/target.ts'
import type { AwakeClock } from '../runtime/awake-clock.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Relay } from '../runtime/relay.ts'
import type { Dispatcher } from '../services/dispatcher.ts'
import type { Pausing } from '../services/pausing.ts'
import type { Prober } from '../services/prober.ts'
import type { Store } from '../sqlite/store.ts'
import type { AddressPolicy } from '../webhooks/address-policy.ts'
import type { LiveCallers } from './ollama/live.ts'

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
  /** A new ULID; rising. */
  readonly newId: () => string
  /** The id of this daemon in the hop header. */
  readonly hop: string
  readonly prober: Pick<Prober, 'status' | 'probe' | 'soon' | 'slotsTooFew'>
  /** What is known of a model from /api/show; null until the target has answered. */
  readonly knownModel: (model: string) => KnownModel | null
  readonly dispatcher: Pick<Dispatcher, DispatcherMembers> & {
    readonly pausing: Pick<Pausing, 'current' | 'report' | 'pause' | 'unloadReported' | 'resume'>
  }
  readonly live: Pick<LiveCallers, 'handle' | 'waiting'>
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
