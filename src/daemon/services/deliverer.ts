// Owns the one loop that sends webhooks: takes what is due from the outbox, many at once, one at a time per job, and writes
// down what became of each. It never fails a job, never waits for a receiver before it serves the next one, and logs of a
// receiver only its host.

import { signWebhook, type WebhookKey, webhookId } from '../../protocol/webhook.ts'
import { NOTHING_RESIDENT } from '../domain/affinity.ts'
import { type DeliveryOutcome, decideDelivery, isTooLarge } from '../domain/delivery.ts'
import { isFinal } from '../domain/job.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { OnStep } from '../runtime/step.ts'
import { Wakeup } from '../runtime/wakeup.ts'
import type { DueDelivery, Store } from '../sqlite/store.ts'
import { webhookBody } from '../webhooks/payload.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import { DeliverySlots, type Tried } from './delivery-slots.ts'

/** The wall clock may be put forward while the loop sleeps until something falls due. */
const LOOK_EVERY_MS = 60_000
/** After something unexpected. */
const PAUSE_MS = 2_000
/** Two looks at both clocks differ by less, unless the wall clock was set. */
const CLOCK_TOLERANCE_MS = 1_000
/** The oldest are dropped; their webhooks are tried with all their data once more. */
const MAX_SLIM = 10_000

export interface DelivererParts {
  readonly clock: Clock
  /** 0 ≤ random < 1. */
  readonly random: () => number
  readonly log: Log
  readonly metrics: Pick<Metrics, 'webhookTried'>
  readonly store: Pick<Store, 'dueDeliveries' | 'settleDelivery' | 'recallDeliveries' | 'get' | 'detail'>
  readonly webhooks: Webhooks
  /** FOREMAN_WEBHOOK_SECRET. */
  readonly keys: readonly WebhookKey[]
  /** FOREMAN_PUBLIC_URL. */
  readonly publicUrl: string | null
  readonly onStep?: OnStep
}

export class Deliverer {
  readonly #parts: DelivererParts
  readonly #wakeup: Wakeup
  readonly #places = new DeliverySlots()
  readonly #tries = new Map<string, Promise<void>>()
  readonly #stop = new AbortController()
  /** Ids of webhooks that their receivers found too large. */
  readonly #slim = new Set<string>()
  /** Wall time less monotonic time at the last look; null before the first. */
  #clockOffset: number | null = null
  #loop: Promise<void> | null = null

  constructor(parts: DelivererParts) {
    this.#parts = parts
    this.#wakeup = new Wakeup(parts.clock)
  }

  /** Webhooks on their way now. */
  get underWay(): number {
    return this.#tries.size
  }

  start(): void {
    this.#loop ??= this.#forEver()
    this.wake()
  }

  /** Something may have fallen due. */
  wake(): void {
    this.#wakeup.wake()
  }

  /** Breaks off what is on its way: it is not settled, so it is sent again after the next start. Safe twice. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.wake()
    await this.#loop
    await Promise.all(this.#tries.values())
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted
  }

  async #forEver(): Promise<void> {
    while (!this.#stopping) {
      await this.#wakeup.wait()
      try {
        await this.#recall()
        await this.#fill()
      } catch (error) {
        this.#parts.log.error({ err: error }, 'the deliverer met something unexpected; it goes on')
        this.#wakeup.wakeIn(PAUSE_MS)
      }
    }
  }

  /** At the start, and when the wall clock was set back: no webhook may wait for the time that passed already. */
  async #recall(): Promise<void> {
    const { clock, store, log } = this.#parts
    const now = clock.now()
    const offset = now - clock.monotonic()
    const before = this.#clockOffset
    this.#clockOffset = offset
    const setBackMs = before === null ? 0 : Math.max(0, before - offset)
    if (before !== null && setBackMs <= CLOCK_TOLERANCE_MS) return
    try {
      const recalled = await store.recallDeliveries({ now, setBackMs })
      if (recalled > 0) log.info({ webhooks: recalled, setBackMs }, 'the clock was set back: webhooks moved with it')
    } catch (error) {
      this.#clockOffset = before
      throw error
    }
  }

  /** Ends when every place is taken or nothing more is due: each turn takes a place or shuts out a receiver. */
  async #fill(): Promise<void> {
    const { clock, store } = this.#parts
    while (!this.#stopping && this.#places.free > 0) {
      const now = clock.now()
      const { saturated: except, free: limit } = this.#places
      const { due, nextAt } = await store.dueDeliveries({ now, limit, except, underWay: [...this.#tries.keys()] })
      if (this.#stopping) return
      const begun = due.filter((delivery) => this.#begin(delivery))
      if (begun.length > 0 || this.#places.saturated.length > except.length) continue
      if (nextAt === null) return
      // The question took its time; what it could not have given then is no reason to ask at once.
      const inMs = nextAt > now ? nextAt - clock.now() : PAUSE_MS
      if (inMs > 0) return this.#wakeup.wakeIn(Math.min(inMs, LOOK_EVERY_MS))
    }
  }

  /** False: it has no place. */
  #begin(delivery: DueDelivery): boolean {
    const { jobId, receiver } = delivery
    if (this.#tries.has(jobId) || !this.#places.acquire(receiver)) return false
    const tried = this.#try(delivery).finally(() => {
      this.#tries.delete(jobId)
      this.wake()
    })
    this.#tries.set(jobId, tried)
    return true
  }

  /** Never rejects. */
  async #try(delivery: DueDelivery): Promise<void> {
    const { log } = this.#parts
    let tried: Tried | null = null
    try {
      const outcome = await this.#send(delivery)
      if (outcome !== null) tried = await this.#settle(delivery, outcome)
    } catch (error) {
      tried = 'failing'
      log.error({ err: error, job: delivery.jobId }, 'a webhook could not be sent for an unexpected reason')
      await this.#pause()
    }
    this.#places.release(delivery.receiver, tried)
  }

  /** Null: there is nothing to say of it, for the job is gone, or we stop. */
  async #send({ jobId, change, url }: DueDelivery): Promise<DeliveryOutcome | null> {
    const { clock, store, webhooks, keys, publicUrl, onStep } = this.#parts
    const detail = isFinal(change.state) ? await store.detail(jobId, NOTHING_RESIDENT) : null
    const job = detail?.job ?? (await store.get(jobId))
    if (job === null) return null
    const id = webhookId(jobId, change.number)
    const isSlim = this.#slim.has(id)
    const body = webhookBody(change, job, detail, { publicUrl, isSlim })
    const headers = await signWebhook({ id, timestamp: Math.floor(clock.now() / 1000), body, keys })
    onStep?.('delivering', jobId)
    const outcome = await webhooks.post({ url, headers, body }, this.#stop.signal)
    onStep?.('delivered', jobId)
    return outcome.kind === 'aborted' ? null : outcome
  }

  /** Writes down what the try came to, and says what that tells of the receiver. */
  async #settle({ jobId, change, receiver, tries }: DueDelivery, outcome: DeliveryOutcome): Promise<Tried> {
    const { clock, random, log, metrics, store } = this.#parts
    await this.#recall()
    const now = clock.now()
    const isLastEvent = isFinal(change.state)
    const verdict = decideDelivery({ outcome, tries, isLastEvent }, now, random())
    this.#remember(webhookId(jobId, change.number), verdict.kind === 'again' && isLastEvent, outcome)
    await store.settleDelivery({ jobId, n: change.number, now, verdict })
    this.#parts.onStep?.('settled', jobId)
    metrics.webhookTried(verdict.kind)
    const told = {
      job: jobId,
      receiver,
      delivery: change.number,
      tries: tries + 1,
      ...(outcome.kind === 'answered' ? { status: outcome.status } : { reason: outcome.kind }),
    }
    if (verdict.kind === 'delivered') log.debug(told, 'webhook delivered')
    else if (verdict.kind === 'again') log.debug({ ...told, inMs: verdict.at - now }, 'webhook failed; tried again')
    else if (verdict.kind === 'stopped') log.info(told, 'the receiver wants no more webhooks of this job')
    else log.warn(told, 'webhook given up')
    if (outcome.kind === 'timeout') return 'silent'
    return verdict.kind === 'again' || verdict.kind === 'given_up' ? 'failing' : 'good'
  }

  #remember(id: string, comesAgain: boolean, outcome: DeliveryOutcome): void {
    if (!comesAgain) this.#slim.delete(id)
    else if (isTooLarge(outcome)) this.#slim.add(id)
    const [oldest] = this.#slim
    if (this.#slim.size > MAX_SLIM && oldest !== undefined) this.#slim.delete(oldest)
  }

  /** So that a broken store is not asked in a hot loop. */
  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { signal } = this.#stop
    const wake = (): void => resolve()
    const timer = this.#parts.clock.after(PAUSE_MS, wake)
    signal.addEventListener('abort', wake)
    if (signal.aborted) wake()
    await promise
    signal.removeEventListener('abort', wake)
    timer.cancel()
  }
}
