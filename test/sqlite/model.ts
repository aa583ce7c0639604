// Model of the queue over an array, without SQL: the specification of the store. Slow, obvious, and only for comparisons.

import { CLOUD_AFFINITY, isResident, modelOfAffinity, turnsToOldest } from '../../src/daemon/domain/affinity.ts'
import {
  type AsyncOptions,
  admit,
  type Depth,
  type Idempotency,
  isFinal,
  type Job,
  type NewJob,
  type QueueLimits,
  type State,
  TRANSITIONS,
} from '../../src/daemon/domain/job.ts'
import type { ClaimRequest, JobChange, QueueState } from '../../src/daemon/sqlite/store.ts'
import { OutboxModel } from './outbox-model.ts'

/** The fields of a job that are compared. */
export type ModelJob = Pick<
  Job,
  | 'id'
  | 'caller'
  | 'affinity'
  | 'bodyBytes'
  | 'createdAwake'
  | 'state'
  | 'changes'
  | 'retryOf'
  | 'attempt'
  | 'bounces'
  | 'availableAt'
  | 'orphanedAt'
>

const sight = (job: ModelJob): ModelJob => ({
  id: job.id,
  caller: job.caller,
  affinity: job.affinity,
  bodyBytes: job.bodyBytes,
  createdAwake: job.createdAwake,
  state: job.state,
  changes: job.changes,
  retryOf: job.retryOf,
  attempt: job.attempt,
  bounces: job.bounces,
  availableAt: job.availableAt,
  orphanedAt: job.orphanedAt,
})

export { sight as comparable }

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

const printOf = ({ fingerprint }: Idempotency): number => fingerprint[0] ?? 0

export class QueueModel {
  /** In the order of their sequence. */
  jobs: Mutable<ModelJob>[] = []
  lastAffinity: string | null
  swappedAwake: number
  /** Of async jobs. */
  readonly outboxes = new Map<string, OutboxModel>()
  /** Async jobs that ended with artifacts. */
  readonly remains = new Set<string>()
  readonly #options = new Map<string, AsyncOptions | undefined>()
  readonly #keys = new Map<string, { readonly print: number; readonly id: string }>()

  constructor(state: QueueState) {
    this.lastAffinity = state.lastAffinity
    this.swappedAwake = state.swappedAwake
  }

  get depth(): Depth {
    const waiting = this.jobs.filter(({ state }) => state === 'queued')
    return { jobs: waiting.length, bytes: waiting.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0) }
  }

  get isIdle(): boolean {
    return !this.jobs.some(({ state }) => state === 'loading' || state === 'working')
  }

  enqueue(job: NewJob, limits: QueueLimits): 'enqueued' | 'queue_full' | 'key_reused' | { replayed: string } {
    const known = this.#known(job.idempotency)
    if (known !== null) return known
    if (admit(job.body.byteLength, this.depth, limits) === 'queue_full') return 'queue_full'
    this.#add(job, job.body.byteLength, null)
    const { idempotency } = job
    if (idempotency !== undefined) this.#keys.set(idempotency.key, { print: printOf(idempotency), id: job.id })
    return 'enqueued'
  }

  #known(idempotency: Idempotency | undefined): 'key_reused' | { replayed: string } | null {
    const known = idempotency === undefined ? undefined : this.#keys.get(idempotency.key)
    if (known === undefined || idempotency === undefined) return null
    return known.print === printOf(idempotency) ? { replayed: known.id } : 'key_reused'
  }

  #add(
    { id, caller, affinity, createdAwake, createdAt, options }: Omit<NewJob, 'body'>,
    bodyBytes: number,
    retryOf: string | null,
  ): void {
    const fresh = { state: 'queued', changes: 1, attempt: 0, bounces: 0, availableAt: null, orphanedAt: null } as const
    this.jobs.push({ id, caller, affinity, createdAwake, bodyBytes, retryOf, ...fresh })
    this.#options.set(id, options)
    if (caller === 'live') return
    const outbox = new OutboxModel(options?.webhookUrl == null ? [] : options.webhookEvents)
    this.outboxes.set(id, outbox)
    outbox.record(1, 'queued', 0, createdAt)
  }

  retry(
    of: string,
    template: NewJob,
    limits: QueueLimits,
  ): 'enqueued' | 'unknown' | 'active' | 'body_gone' | 'queue_full' {
    const old = this.jobs.find(({ id }) => id === of)
    if (old === undefined) return 'unknown'
    if (!isFinal(old.state)) return 'active'
    if (old.caller === 'live') return 'body_gone'
    if (admit(old.bodyBytes, this.depth, limits) === 'queue_full') return 'queue_full'
    const options = this.#options.get(of)
    const again = {
      ...template,
      caller: 'none',
      affinity: old.affinity,
      ...(options === undefined ? {} : { options }),
    } as const
    this.#add(again, old.bodyBytes, of)
    return 'enqueued'
  }

  delete(id: string): 'deleted' | 'unknown' | 'active' {
    const job = this.jobs.find((one) => one.id === id)
    if (job === undefined) return 'unknown'
    if (!isFinal(job.state)) return 'active'
    this.jobs = this.jobs.filter((one) => one !== job)
    this.outboxes.delete(id)
    this.remains.delete(id)
    for (const [key, known] of this.#keys) if (known.id === id) this.#keys.delete(key)
    return 'deleted'
  }

  /** Makes every change of state. */
  #change(job: Mutable<ModelJob>, state: State, attempt: number, at: number): void {
    Object.assign(job, { state, attempt: job.attempt + attempt, changes: job.changes + 1 })
    this.outboxes.get(job.id)?.record(job.changes, state, job.attempt, at)
  }

  claim({
    now,
    awake,
    residency,
    drainLimitMs,
  }: ClaimRequest): { id: string; swapped: boolean } | { availableAt: number | null } {
    for (const job of this.jobs) if (job.availableAt !== null && job.availableAt <= now) job.availableAt = null
    const ready = this.jobs.filter(
      (job) => job.state === 'queued' && job.availableAt === null && job.orphanedAt === null,
    )
    const [oldest] = ready
    if (oldest === undefined) {
      const backoffs = this.jobs.flatMap(({ availableAt }) => (availableAt === null ? [] : [availableAt]))
      return { availableAt: backoffs.length === 0 ? null : Math.min(...backoffs) }
    }
    const isNext = ({ affinity }: ModelJob): boolean =>
      affinity === CLOUD_AFFINITY ||
      (residency.affinity === null
        ? residency.foreign.includes(modelOfAffinity(affinity))
        : affinity === residency.affinity)
    const turns = turnsToOldest({
      limitMs: drainLimitMs,
      awakeNow: awake,
      swappedAwake: this.swappedAwake,
      oldestAwake: oldest.createdAwake,
    })
    const next = turns ? oldest : (ready.find(isNext) ?? oldest)
    this.#change(next, isResident(next.affinity, residency) ? 'working' : 'loading', 1, now)
    const swapped = next.affinity !== CLOUD_AFFINITY && next.affinity !== this.lastAffinity
    if (swapped) {
      this.lastAffinity = next.affinity
      this.swappedAwake = awake
    }
    return { id: next.id, swapped }
  }

  apply({ id, event, now, availableAt, output: remains }: JobChange): 'applied' | 'conflict' {
    const job = this.jobs.find((one) => one.id === id)
    const { from, to, attempt } = TRANSITIONS[event]
    if (job === undefined || !(from as readonly string[]).includes(job.state)) return 'conflict'
    this.#change(job, to, attempt, now)
    if (remains !== undefined && isFinal(to) && job.caller === 'none') this.remains.add(id)
    job.bounces += event === 'target_busy' || event === 'unreached' ? 1 : 0
    job.availableAt = to === 'queued' ? (availableAt ?? null) : null
    job.orphanedAt = null
    return 'applied'
  }

  orphan(id: string, now: number): boolean {
    const job = this.jobs.find((one) => one.id === id)
    if (job?.caller !== 'live' || job.state !== 'queued' || job.orphanedAt !== null) return false
    job.orphanedAt = now
    return true
  }

  adopt(id: string): boolean {
    const job = this.jobs.find((one) => one.id === id)
    if (job === undefined || job.orphanedAt === null) return false
    job.orphanedAt = null
    return true
  }

  /** A crash or a clean stop, which differ only in the attempt. */
  end(how: 'crash' | 'stop', maxAttempts: number, now: number): void {
    for (const job of this.jobs) {
      const isSent = job.state === 'loading' || job.state === 'working'
      if (isFinal(job.state) || !(isSent || job.caller === 'live')) continue
      job.orphanedAt = null
      job.availableAt = null
      // Watchers may have seen its `working`, which was not written.
      if (how === 'crash' && job.caller === 'none' && job.state === 'loading') job.changes += 1
      if (job.caller === 'live') this.#change(job, 'cancelled', 0, now)
      else if (how === 'stop') this.#change(job, 'queued', -1, now)
      else this.#change(job, job.attempt < maxAttempts ? 'queued' : 'failed', 0, now)
    }
  }
}
