// Waiting calls: admits them, puts their jobs in the queue, and ends a job when its caller disconnects. It enqueues, orphans,
// adopts and cancels; the dispatcher talks to the target, and live-answer.ts writes the answers.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorMessage } from '../../../protocol/error.ts'
import type { Config } from '../../config/options.ts'
import { ENDPOINTS } from '../../domain/endpoint.ts'
import type { NewJob, Submission } from '../../domain/job.ts'
import { ASSUMED_VERSION } from '../../domain/ollama-version.ts'
import type { TargetStatus } from '../../domain/target-status.ts'
import { unknownModel } from '../../request/ollama-error.ts'
import type { AwakeClock } from '../../runtime/awake-clock.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { Relay, Subscription } from '../../runtime/relay.ts'
import type { OnStep } from '../../runtime/step.ts'
import type { Dispatcher } from '../../services/dispatcher.ts'
import type { Prober } from '../../services/prober.ts'
import type { Store } from '../../sqlite/store.ts'
import { isUnknownModel, queueFullError } from '../admission.ts'

import { type OwnError, ownError, sendError } from '../respond.ts'
import { readIdempotencyKey, saysItIsARetry } from '../retry.ts'
import { LiveAnswer } from './live-answer.ts'
import { Orphans } from './orphans.ts'

export interface LiveCallersParts {
  readonly config: Config
  readonly clock: Clock
  readonly newId: () => string
  readonly log: Log
  readonly metrics: Metrics
  readonly store: Store
  readonly relay: Relay
  readonly dispatcher: Dispatcher
  readonly prober: Prober
  readonly awake: AwakeClock
  readonly isStorageFull: () => boolean
  readonly onStep?: OnStep
}

interface WaitingCall {
  readonly id: string
  readonly key: string | null
  readonly fingerprint: string
  readonly answer: LiveAnswer
  readonly subscription: Subscription
  /** Clock.monotonic() of its arrival. */
  readonly arrivedAt: number
  /** Ends the wait for an unreachable target. */
  grace: Timer | null
  gone: boolean
}

export class LiveCallers {
  readonly #parts: LiveCallersParts
  readonly #calls = new Map<string, WaitingCall>()
  readonly #keys = new Set<string>()
  readonly #orphans: Orphans
  /** Disconnects being saved, by fingerprint. Their jobs become orphans once the save is done. */
  readonly #leaving = new Map<string, Promise<unknown>>()
  #stopping = false

  constructor(parts: LiveCallersParts) {
    this.#parts = parts
    this.#orphans = new Orphans(parts.clock)
    parts.prober.onStatus((status) => this.#targetChanged(status))
  }

  get waiting(): number {
    return this.#calls.size
  }

  async handle(req: IncomingMessage, res: ServerResponse, submission: Submission, print: string): Promise<void> {
    const { store, dispatcher, config } = this.#parts
    const idempotency = readIdempotencyKey(req.headers)
    if (idempotency.kind === 'invalid')
      return this.#refuse(res, submission, ownError('bad_request', { detail: idempotency.detail }))
    const key = idempotency.kind === 'key' ? idempotency.key : null
    if (key !== null && this.#keys.has(key)) return this.#refuse(res, submission, ownError('key_in_use'))
    if (this.#stopping) return this.#refuse(res, submission, ownError('shutting_down'))
    if (this.#parts.isStorageFull()) return this.#refuse(res, submission, ownError('storage_full'))
    // Taken before anything is awaited: two calls with one key in the same instant are one call and a 409.
    if (key !== null) this.#keys.add(key)
    const release = () => key !== null && this.#keys.delete(key)
    if (await isUnknownModel(submission.model, this.#parts.prober)) {
      release()
      return this.#refuseUnknown(res, submission)
    }
    if (res.destroyed) {
      release()
      return
    }
    if (await this.#takeUp(req, res, submission, print, key)) return
    if (res.destroyed) {
      release()
      return
    }
    const call = this.#open(this.#parts.newId(), res, submission, print, key)
    this.#parts.onStep?.('admitted', call.id)
    const enqueued = store.enqueue(this.#newJob(call.id, submission), config)
    // Woken before the row is there: the claim travels with it, and the thread keeps their order.
    dispatcher.wake()
    const result = await enqueued.catch((error: unknown) => {
      this.#drop(call)
      throw error
    })
    if (result.kind !== 'enqueued') {
      this.#drop(call)
      // The key of a waiting call is never in the store.
      if (result.kind !== 'queue_full' && result.kind !== 'storage_full') throw new Error(`enqueued as ${result.kind}`)
      return this.#refuse(
        res,
        submission,
        queueFullError(result.kind, store.depth, config, dispatcher.runTimes.recentMs),
      )
    }
    this.#parts.onStep?.('enqueued', call.id)
    if (call.gone) await this.#leave(call)
  }

  /** Answers all waiting calls at once, except that of the running job, which waits for it. Admits no new call. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#orphans.clear()
    const running = this.#parts.dispatcher.running?.job.id
    const waiting = [...this.#calls.values()].filter((call) => call.id !== running)
    await Promise.all(waiting.map((call) => this.#end(call, 'cancelled', 'shutting_down')))
  }

  #newJob(id: string, submission: Submission): NewJob {
    const { clock, awake } = this.#parts
    return { ...submission, id, caller: 'live', createdAt: clock.now(), createdAwake: awake.now }
  }

  #open(id: string, res: ServerResponse, submission: Submission, print: string, key: string | null): WaitingCall {
    const { clock, config, relay, prober } = this.#parts
    const answer = new LiveAnswer({
      clock,
      res,
      submission,
      jobId: id,
      heartbeatMs: config.heartbeatMs,
      clientStallMs: config.clientStallMs,
      isUnreachable: () => prober.status.reachable === false,
      version: () => this.#version,
      onDrained: () => subscription.drained(),
    })
    const subscription = relay.open(id, {
      head: (status, headers, reason, length) => answer.head(status, headers, reason, length),
      data: (chunk) => answer.data(chunk),
      lastRecord: () => answer.lastRecord(),
      ended: (ending) => {
        this.#remove(call)
        answer.ended(ending)
      },
    })
    const arrivedAt = clock.monotonic()
    const call: WaitingCall = { id, key, fingerprint: print, answer, subscription, arrivedAt, grace: null, gone: false }
    this.#calls.set(id, call)
    if (key !== null) this.#keys.add(key)
    res.once('close', () => {
      if (!this.#calls.has(id) || this.#calls.get(id) !== call) return
      call.gone = true
      void this.#leave(call)
    })
    if (prober.status.reachable === false) this.#armGrace(call, prober.status)
    return call
  }

  #remove(call: WaitingCall): void {
    call.grace?.cancel()
    call.subscription.close()
    if (call.key !== null) this.#keys.delete(call.key)
    if (this.#calls.get(call.id) === call) this.#calls.delete(call.id)
  }

  /** The job does not exist: its answer writes nothing more. */
  #drop(call: WaitingCall): void {
    this.#remove(call)
    call.answer.close()
  }

  /** A call that says it is a retry takes over the orphan that its first try left. */
  async #takeUp(
    req: IncomingMessage,
    res: ServerResponse,
    submission: Submission,
    print: string,
    key: string | null,
  ): Promise<boolean> {
    const says = { retry: saysItIsARetry(req.headers), key }
    // An immediate retry is faster than the disk: 6 of 10 such retries became a second job.
    if (says.retry || key !== null) await this.#leaving.get(print)
    const orphan = this.#orphans.take(print, says)
    if (orphan === null) return false
    const call = this.#open(orphan.id, res, submission, print, key)
    if (!(await this.#parts.store.adopt(orphan.id))) {
      this.#drop(call)
      return false
    }
    if (call.gone) void this.#leave(call)
    else this.#parts.dispatcher.wake()
    return true
  }

  /** The caller disconnected: a running job ends now, a queued one becomes an orphan. */
  async #leave(call: WaitingCall): Promise<void> {
    const { dispatcher, metrics } = this.#parts
    this.#drop(call)
    const stopped = dispatcher.stopRunning(call.id, 'caller_gone')
    // A client may close its connection at the last record; it has missed nothing.
    if (stopped !== 'answered') metrics.inc('disconnects')
    if (stopped !== 'not_running') return
    const { fingerprint: print } = call
    const all = Promise.all([this.#leaving.get(print), this.#writeLeaving(call)])
    this.#leaving.set(print, all)
    await all
    if (this.#leaving.get(print) === all) this.#leaving.delete(print)
  }

  /** Never rejects. */
  async #writeLeaving(call: WaitingCall): Promise<void> {
    const { store, clock, dispatcher, log } = this.#parts
    try {
      if (await store.orphan(call.id, clock.now())) {
        if (this.#stopping) return
        this.#orphans.add(call, () => void this.#cancelOrphan(call.id))
      } else {
        // It has just been claimed. If the dispatcher has not sent it, it drops the job, which has no listener.
        dispatcher.stopRunning(call.id, 'caller_gone')
      }
    } catch (error) {
      log.error({ err: error, job: call.id }, 'a caller who hung up could not be written down')
    }
  }

  async #cancelOrphan(id: string): Promise<void> {
    try {
      await this.#parts.dispatcher.endWaiting(id, 'cancelled', 'caller_gone')
    } catch (error) {
      this.#parts.log.error({ err: error, job: id }, 'an orphan could not be cancelled')
    }
  }

  /** Ends a waiting job and sends its caller the error. */
  async #end(
    call: WaitingCall,
    event: 'cancelled' | 'unreachable_too_long',
    code: 'shutting_down' | 'target_unreachable',
  ): Promise<void> {
    if (!(await this.#parts.dispatcher.endWaiting(call.id, event, code))) return
    this.#remove(call)
    call.answer.fail(code, errorMessage(code))
    // It may have been claimed meanwhile; its answer has no listener any more.
    this.#parts.dispatcher.stopRunning(call.id, 'cancelled')
  }

  #targetChanged(status: TargetStatus): void {
    for (const call of this.#calls.values()) {
      if (status.reachable === false) {
        this.#armGrace(call, status)
      } else {
        call.grace?.cancel()
        call.grace = null
        call.answer.targetIsBack()
      }
    }
  }

  #armGrace(call: WaitingCall, status: TargetStatus, atLeastMs = 0): void {
    const { clock, config, log, prober, dispatcher } = this.#parts
    if (call.grace !== null) return
    const until = Math.max(call.arrivedAt, status.since) + config.unreachableGraceMs
    call.grace = clock.after(Math.max(atLeastMs, until - clock.monotonic()), () => {
      call.grace = null
      if (dispatcher.running?.job.id === call.id) return this.#armGrace(call, prober.status, 1_000)
      this.#end(call, 'unreachable_too_long', 'target_unreachable').catch((error: unknown) =>
        log.error({ err: error, job: call.id }, 'the end of a wait could not be written down'),
      )
    })
  }

  get #version(): string {
    return this.#parts.prober.status.inventory?.version ?? ASSUMED_VERSION
  }

  #refuseUnknown(res: ServerResponse, { endpoint, model }: Submission): void {
    sendError(res, ENDPOINTS[endpoint].dialect, { ...unknownModel(endpoint, model), code: null }, this.#version)
  }

  #refuse(res: ServerResponse, { endpoint }: Submission, error: OwnError): void {
    sendError(res, ENDPOINTS[endpoint].dialect, error, this.#version)
  }
}
