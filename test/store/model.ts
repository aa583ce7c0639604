// Owns the queue as a few lines of plain code over an array: what the store must do, said a second time without SQL. Slow,
// obvious, and only for comparing.

import { CLOUD_AFFINITY, isResident, modelOfAffinity, turnsToOldest } from '../../src/daemon/affinity.ts'
import {
  admit,
  type Depth,
  isFinal,
  type Job,
  type NewJob,
  type QueueLimits,
  TRANSITIONS,
} from '../../src/daemon/job.ts'
import type { Change, ClaimRequest, QueueState } from '../../src/daemon/store/store.ts'

/** What is compared of a job. */
export type ModelJob = Pick<
  Job,
  | 'id'
  | 'caller'
  | 'affinity'
  | 'bodyBytes'
  | 'createdAwake'
  | 'state'
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
  attempt: job.attempt,
  bounces: job.bounces,
  availableAt: job.availableAt,
  orphanedAt: job.orphanedAt,
})

export { sight as comparable }

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

export class QueueModel {
  /** In the order of their sequence. */
  jobs: Mutable<ModelJob>[] = []
  lastAffinity: string | null
  swappedAwake: number

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

  enqueue(job: NewJob, limits: QueueLimits): 'enqueued' | 'queue_full' {
    if (admit(job.body.byteLength, this.depth, limits) === 'queue_full') return 'queue_full'
    const { id, caller, affinity, createdAwake } = job
    const fresh = { state: 'queued', attempt: 0, bounces: 0, availableAt: null, orphanedAt: null } as const
    this.jobs.push({ id, caller, affinity, createdAwake, bodyBytes: job.body.byteLength, ...fresh })
    return 'enqueued'
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
    next.state = isResident(next.affinity, residency) ? 'working' : 'loading'
    next.attempt += 1
    const swapped = next.affinity !== CLOUD_AFFINITY && next.affinity !== this.lastAffinity
    if (swapped) {
      this.lastAffinity = next.affinity
      this.swappedAwake = awake
    }
    return { id: next.id, swapped }
  }

  apply({ id, event, availableAt }: Change): 'applied' | 'conflict' {
    const job = this.jobs.find((one) => one.id === id)
    const { from, to, attempt } = TRANSITIONS[event]
    if (job === undefined || !(from as readonly string[]).includes(job.state)) return 'conflict'
    job.state = to
    job.attempt += attempt
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

  /** A crash, or a clean stop: they differ in the attempt only. */
  end(how: 'crash' | 'stop', maxAttempts: number): void {
    for (const job of this.jobs) {
      const isSent = job.state === 'loading' || job.state === 'working'
      if (isFinal(job.state) || !(isSent || job.caller === 'live')) continue
      job.orphanedAt = null
      job.availableAt = null
      if (job.caller === 'live') job.state = 'cancelled'
      else if (how === 'stop') Object.assign(job, { state: 'queued', attempt: job.attempt - 1 })
      else job.state = job.attempt < maxAttempts ? 'queued' : 'failed'
    }
  }
}
