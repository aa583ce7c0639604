// Webhook deliverer: one loop that takes due deliveries from the outbox, sends many at once (one at a time per job) and
// saves each result. It never fails a job and never lets one receiver delay another. It logs only the host of a
// receiver.

import { signWebhook, type WebhookKey, webhookId } from '../../protocol/webhook.ts'
import { NOTHING_RESIDENT } from '../domain/affinity.ts'
import { type DeliveryOutcome, decideDelivery, isTooLarge } from '../domain/delivery.ts'
import { isFinal } from '../domain/job.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { MetricSink } from '../runtime/metrics.ts'
import type { OnStep } from '../runtime/step.ts'
import { WorkLoop } from '../runtime/wakeup.ts'
import type { DueDelivery, Store } from '../sqlite/store.ts'
import { BoundedMap } from '../text/bounded-map.ts'
import { webhookBody } from '../webhooks/payload.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import { DeliverySlots, type Tried } from './delivery-slots.ts'

/** The loop looks at least this often, because the wall clock may be set forward while it sleeps. */
const LOOK_EVERY_MS = 60_000
/** Pause after an unexpected error. */
const PAUSE_MS = 2_000
/** The offset between the two clocks changes by less than this, unless the wall clock was set. */
const CLOCK_TOLERANCE_MS = 1_000
/** Beyond it the oldest are dropped; those webhooks are sent in full once more. */
const MAX_SLIM = 10_000

export interface DelivererParts {
  readonly clock: Clock
  /** 0 ≤ random < 1. */
  readonly random: () => number
  readonly log: Log
  readonly metrics: MetricSink
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
  readonly #loop: WorkLoop
  readonly #slots = new DeliverySlots()
  readonly #tries = new Map<string, Promise<void>>()
  readonly #stop = new AbortController()
  /** Ids of webhooks that were too large for their receivers. */
  readonly #slim = new BoundedMap<string, true>(MAX_SLIM)
  /** Wall time minus monotonic time when last checked; null before that. */
  #clockOffset: number | null = null

  constructor(parts: DelivererParts) {
    const { clock, log } = parts
    const work = async (): Promise<void> => {
      await this.#recall()
      await this.#fill()
    }
    this.#parts = parts
    this.#loop = new WorkLoop({ clock, log, name: 'deliverer', retryMs: PAUSE_MS, work })
  }

  /** Webhooks being sent now. */
  get underWay(): number {
    return this.#tries.size
  }

  start(): void {
    this.#loop.start()
    this.wake()
  }

  /** Call it when a webhook may be due. */
  wake(): void {
    this.#loop.wake()
  }

  /** Aborts deliveries that are under way. They are not settled, so they are sent again after the next start. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loop.stop()
    await Promise.all(this.#tries.values())
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted
  }

  /** At the start, and when the wall clock was set back, moves next tries back: no webhook may wait that time once more. */
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
      if (recalled > 0)
        log.info(
          { webhooks: recalled, setBackMs },
          'the clock was set back: retry times of webhooks were moved back with it',
        )
    } catch (error) {
      this.#clockOffset = before
      throw error
    }
  }

  /** Ends when all slots are taken or nothing more is due. Each round takes a slot or finds a receiver saturated. */
  async #fill(): Promise<void> {
    const { clock, store } = this.#parts
    while (!this.#stopping && this.#slots.free > 0) {
      const now = clock.now()
      const { saturated: except, free: limit } = this.#slots
      const { due, nextAt } = await store.dueDeliveries({ now, limit, except, underWay: [...this.#tries.keys()] })
      if (this.#stopping) return
      const begun = due.filter((delivery) => this.#begin(delivery))
      if (begun.length > 0 || this.#slots.saturated.length > except.length) continue
      if (nextAt === null) return
      // The query took time. A delivery that became due meanwhile, and that the query could not return, must not cause
      // a hot loop.
      const inMs = nextAt > now ? nextAt - clock.now() : PAUSE_MS
      if (inMs > 0) return this.#loop.wakeIn(Math.min(inMs, LOOK_EVERY_MS))
    }
  }

  /** Returns false if a webhook of its job is being sent already, or no slot is free. */
  #begin(delivery: DueDelivery): boolean {
    const { jobId, receiver } = delivery
    if (this.#tries.has(jobId) || !this.#slots.acquire(receiver)) return false
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
      log.error({ err: error, job: delivery.jobId }, 'unexpected error while a webhook was sent; trying again')
      await this.#pause()
    }
    this.#slots.release(delivery.receiver, tried)
  }

  /** Returns null if the job is gone or foreman stops. */
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

  /** Saves the result of the try. Returns what it showed about the receiver. */
  async #settle({ jobId, change, receiver, tries }: DueDelivery, outcome: DeliveryOutcome): Promise<Tried> {
    const { clock, random, log, metrics, store } = this.#parts
    await this.#recall()
    const now = clock.now()
    const isLastEvent = isFinal(change.state)
    const verdict = decideDelivery({ outcome, tries, isLastEvent }, now, random())
    this.#remember(webhookId(jobId, change.number), verdict.kind === 'again' && isLastEvent, outcome)
    await store.settleDelivery({ jobId, n: change.number, now, verdict })
    this.#parts.onStep?.('settled', jobId)
    metrics.inc('deliveries', { result: verdict.kind })
    const fields = {
      job: jobId,
      receiver,
      delivery: change.number,
      tries: tries + 1,
      ...(outcome.kind === 'answered' ? { status: outcome.status } : { reason: outcome.kind }),
    }
    if (verdict.kind === 'delivered') log.debug(fields, 'webhook delivered')
    else if (verdict.kind === 'again') log.debug({ ...fields, inMs: verdict.at - now }, 'webhook failed; will retry')
    else if (verdict.kind === 'stopped') log.info(fields, 'the receiver declined further webhooks of this job (410)')
    else log.warn(fields, 'webhook given up')
    if (outcome.kind === 'timeout') return 'unresponsive'
    return verdict.kind === 'again' || verdict.kind === 'given_up' ? 'failing' : 'healthy'
  }

  #remember(id: string, willRetry: boolean, outcome: DeliveryOutcome): void {
    if (!willRetry) this.#slim.delete(id)
    else if (isTooLarge(outcome)) this.#slim.set(id, true)
  }

  /** Prevents a hot loop if the store fails. */
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
