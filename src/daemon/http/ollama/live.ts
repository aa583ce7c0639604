// Waiting calls: admits them, enqueues their jobs, and ends a job when its caller hangs up. The dispatcher runs the job, and
// live-answer.ts writes the answer.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorMessage } from '../../../protocol/error.ts'
import type { Submission } from '../../domain/job.ts'
import type { TargetStatus } from '../../domain/target-status.ts'
import { unknownModel } from '../../request/ollama-error.ts'
import type { Timer } from '../../runtime/clock.ts'
import type { Subscription } from '../../runtime/relay.ts'
import type { OnStep } from '../../runtime/step.ts'
import type { Dispatcher } from '../../services/dispatcher.ts'
import type { Prober } from '../../services/prober.ts'
import { isUnknownModel, queueFullError, readIdempotencyKey } from '../admission.ts'
import type { HttpContext } from '../context.ts'
import { type OwnError, ownError } from '../respond.ts'
import { LiveAnswer } from './live-answer.ts'
import { type CallIdentity, Orphans, saysItIsARetry } from './orphans.ts'

export interface LiveCallersParts
  extends Pick<HttpContext, 'config' | 'clock' | 'newId' | 'log' | 'metrics' | 'store' | 'relay' | 'awake'> {
  readonly dispatcher: Dispatcher
  readonly prober: Prober
  readonly disk: { readonly full: boolean }
  readonly onStep?: OnStep
}

/** A call before it waits for a job. */
interface Caller extends CallIdentity {
  readonly res: ServerResponse
  readonly submission: Submission
}

interface WaitingCall extends Caller {
  readonly id: string
  readonly answer: LiveAnswer
  readonly subscription: Subscription
  /** Clock.monotonic() of its arrival. */
  readonly arrivedAt: number
  /** Ends the wait for the target. Set while the target is unreachable. */
  grace: Timer | null
  /** Whether the caller has hung up. */
  gone: boolean
}

export class LiveCallers {
  readonly #parts: LiveCallersParts
  readonly #calls = new Map<string, WaitingCall>()
  /** The Idempotency-Keys in use, each with the answer of the call that has it. */
  readonly #keys = new Map<string, ServerResponse>()
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

  /**
   * Decides about a call, by the first of these that applies. Returns the error for the caller, or null.
   * 1. Its Idempotency-Key is invalid: 400.
   * 2. Another waiting call has the same key: 409.
   * 3. foreman stops, or the disk is full: 503.
   * 4. The target does not have the model: Ollama's 404.
   * 5. The caller has hung up meanwhile: nothing is done.
   * 6. It is a retry of a call whose caller hung up: it takes over the job that is still queued.
   * 7. Otherwise it becomes a new job, or gets a 503 if the queue is full.
   */
  async handle(
    { headers }: IncomingMessage,
    res: ServerResponse,
    submission: Submission,
    fingerprint: string,
  ): Promise<OwnError | null> {
    // (1)
    const idempotency = readIdempotencyKey(headers)
    if (idempotency.kind === 'invalid') return idempotency.error
    const key = idempotency.kind === 'key' ? idempotency.key : null
    // (2)
    if (key !== null && this.#keys.has(key)) return ownError('key_in_use')
    // (3)
    if (this.#stopping) return ownError('shutting_down')
    if (this.#parts.disk.full) return ownError('storage_full')
    // Taken before the first await: of two simultaneous calls with one key, one must get the 409.
    if (key !== null) this.#keys.set(key, res)
    let isWaiting = false
    try {
      // (4)
      const { model } = submission
      if (await isUnknownModel(model, this.#parts.prober)) return { ...unknownModel(model), code: null }
      // (5)
      if (res.destroyed) return null
      // (6)
      const caller = { res, submission, fingerprint, key, isRetry: saysItIsARetry(headers) }
      isWaiting = await this.#takeUp(caller)
      if (isWaiting || res.destroyed) return null
      // (7)
      const error = await this.#enqueue(caller)
      isWaiting = error === null
      return error
    } finally {
      if (!isWaiting) this.#releaseKey(key, res)
    }
  }

  /** Enqueues a job for the call, which then waits for it. Returns the error if the job is not accepted. */
  async #enqueue(caller: Caller): Promise<OwnError | null> {
    const { store, dispatcher, config, clock, awake, onStep, newId } = this.#parts
    const id = newId()
    const call = this.#open(id, caller)
    onStep?.('admitted', id)
    const job = { ...caller.submission, id, caller: 'live', createdAt: clock.now(), createdAwake: awake.now } as const
    const enqueued = store.enqueue(job, config)
    // Woken before the row exists: the claim is sent together with it, and the store's thread keeps their order.
    dispatcher.wake()
    const result = await enqueued.catch((error: unknown) => {
      this.#drop(call)
      throw error
    })
    if (result.kind !== 'enqueued') {
      this.#drop(call)
      // The other results are about a key in the store, which the job of a waiting call never has.
      if (result.kind !== 'queue_full' && result.kind !== 'storage_full') throw new Error(`enqueued as ${result.kind}`)
      return queueFullError(result.kind, this.#parts)
    }
    onStep?.('enqueued', id)
    if (call.gone) await this.#leave(call)
    return null
  }

  /** Refuses every waiting call and every new one. The call of the running job stays open until its end. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#orphans.clear()
    const running = this.#parts.dispatcher.running?.job.id
    const waiting = [...this.#calls.values()].filter((call) => call.id !== running)
    await Promise.all(waiting.map((call) => this.#end(call, 'cancelled', 'shutting_down')))
  }

  /** Lets the call wait for the job with this id. */
  #open(id: string, caller: Caller): WaitingCall {
    const { clock, config, relay, prober } = this.#parts
    const { res, key, submission } = caller
    const answer = new LiveAnswer({
      clock,
      config,
      prober,
      res,
      submission,
      jobId: id,
      onDrained: () => subscription.drained(),
      onEnded: () => this.#remove(call),
    })
    const subscription = relay.open(id, answer)
    const arrivedAt = clock.monotonic()
    const call: WaitingCall = { ...caller, id, answer, subscription, arrivedAt, grace: null, gone: false }
    this.#calls.set(id, call)
    if (key !== null) this.#keys.set(key, res)
    res.once('close', () => {
      if (this.#calls.get(id) !== call) return
      call.gone = true
      void this.#leave(call)
    })
    if (prober.status.reachable === false) this.#armGrace(call, prober.status)
    return call
  }

  #remove(call: WaitingCall): void {
    call.grace?.cancel()
    call.subscription.close()
    this.#releaseKey(call.key, call.res)
    if (this.#calls.get(call.id) === call) this.#calls.delete(call.id)
  }

  #releaseKey(key: string | null, res: ServerResponse): void {
    if (key !== null && this.#keys.get(key) === res) this.#keys.delete(key)
  }

  /** Forgets the call and closes its answer: it has no job, or its caller has gone. */
  #drop(call: WaitingCall): void {
    this.#remove(call)
    call.answer.close()
  }

  /** Lets a retry take over the orphan that its first try left behind. Returns whether it did. */
  async #takeUp(caller: Caller): Promise<boolean> {
    // A client that reconnects at once is faster than the disk: 6 of 10 such retries became a second job.
    if (caller.isRetry || caller.key !== null) await this.#leaving.get(caller.fingerprint)
    const orphan = this.#orphans.take(caller)
    if (orphan === null) return false
    const call = this.#open(orphan.id, caller)
    if (!(await this.#parts.store.adopt(orphan.id))) {
      this.#drop(call)
      return false
    }
    if (call.gone) void this.#leave(call)
    else this.#parts.dispatcher.wake()
    return true
  }

  /** The caller hung up: a running job is stopped now, and a queued one becomes an orphan for ten seconds. */
  async #leave(call: WaitingCall): Promise<void> {
    const { dispatcher, metrics } = this.#parts
    this.#drop(call)
    const stopped = dispatcher.stopRunning(call.id, 'caller_gone')
    // A client may close its connection after the last record: it has missed nothing.
    if (stopped !== 'answered') metrics.inc('disconnects')
    if (stopped !== 'not_running') return
    const { fingerprint: print } = call
    const all = Promise.all([this.#leaving.get(print), this.#orphan(call)])
    this.#leaving.set(print, all)
    await all
    if (this.#leaving.get(print) === all) this.#leaving.delete(print)
  }

  /** Never rejects. */
  async #orphan(call: WaitingCall): Promise<void> {
    const { store, clock, dispatcher, log } = this.#parts
    try {
      if (await store.orphan(call.id, clock.now())) {
        if (this.#stopping) return
        this.#orphans.add(call, () => void this.#cancelOrphan(call.id))
      } else {
        // It was claimed in the meantime. The dispatcher itself drops a job that has no subscriber and is not sent yet.
        dispatcher.stopRunning(call.id, 'caller_gone')
      }
    } catch (error) {
      log.error({ err: error, job: call.id }, 'the disconnect of a caller could not be saved')
    }
  }

  async #cancelOrphan(id: string): Promise<void> {
    try {
      await this.#parts.dispatcher.endWaiting(id, 'cancelled', 'caller_gone')
    } catch (error) {
      this.#parts.log.error({ err: error, job: id }, 'an orphan could not be cancelled')
    }
  }

  /** Ends a queued job and sends its caller the error. */
  async #end(
    call: WaitingCall,
    event: 'cancelled' | 'unreachable_too_long',
    code: 'shutting_down' | 'target_unreachable',
  ): Promise<void> {
    if (!(await this.#parts.dispatcher.endWaiting(call.id, event, code))) return
    this.#remove(call)
    call.answer.fail(code, errorMessage(code))
    // It may have been claimed in the meantime.
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
        log.error({ err: error, job: call.id }, 'the end of a waiting call could not be saved'),
      )
    })
  }
}
