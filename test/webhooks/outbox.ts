// Small outbox in memory with the store's operations, so that a test can have ten thousand deliveries and see how each was
// settled. test/sqlite and the tests of the whole program cover the real one.

import type { State } from '../../src/daemon/domain/job.ts'
import type { JobDetail } from '../../src/daemon/domain/job-document.ts'
import type { DeliverySettlement, DueDelivery, Store } from '../../src/daemon/sqlite/store.ts'
import { job } from '../domain/job-example.ts'

interface Entry {
  readonly delivery: Omit<DueDelivery, 'tries'>
  tries: number
  nextAt: number
  status: 'pending' | 'delivered' | 'given_up'
}

type Words = Pick<Store, 'dueDeliveries' | 'settleDelivery' | 'recallDeliveries' | 'get' | 'detail'>

export class Outbox implements Words {
  readonly settled: DeliverySettlement[] = []
  readonly #jobs = new Map<string, Entry[]>()
  readonly details = new Map<string, Partial<JobDetail>>()
  asked = 0
  /** Thrown once, at the next query. */
  fault: Error | null = null

  /** Adds a job with its state changes, all to be delivered to `url`. */
  add(jobId: string, url: string, states: readonly State[] = ['queued'], at = 0): void {
    const { hostname, port } = new URL(url)
    const entries = states.map((state, index) => ({
      delivery: {
        jobId,
        url,
        receiver: `${hostname}:${port}`,
        change: { number: index + 1, state, previous: states[index - 1] ?? null, attempt: 1, at },
      },
      tries: 0,
      nextAt: at,
      status: 'pending' as const,
    }))
    this.#jobs.set(jobId, entries)
  }

  remove(jobId: string): void {
    this.#jobs.delete(jobId)
  }

  statuses(jobId: string): string[] {
    return (this.#jobs.get(jobId) ?? []).map(({ status }) => status)
  }

  get pending(): number {
    return [...this.#jobs.values()].flat().filter(({ status }) => status === 'pending').length
  }

  async dueDeliveries({ now, limit, except, underWay }: Parameters<Store['dueDeliveries']>[0]) {
    this.asked += 1
    const { fault } = this
    this.fault = null
    if (fault !== null) throw fault
    const saturated = new Set(except)
    const busy = new Set(underWay)
    const heads = [...this.#jobs]
      .filter(([jobId]) => !busy.has(jobId))
      .map(([, entries]) => entries.find(({ status }) => status === 'pending'))
      .filter((entry) => entry !== undefined && !saturated.has(entry.delivery.receiver)) as Entry[]
    heads.sort((a, b) => a.nextAt - b.nextAt)
    const due = heads.filter(({ nextAt }) => nextAt <= now).slice(0, limit)
    const next = heads.find(({ nextAt }) => nextAt > now)
    return { due: due.map(({ delivery, tries }) => ({ ...delivery, tries })), nextAt: next?.nextAt ?? null }
  }

  async settleDelivery(settlement: DeliverySettlement): Promise<boolean> {
    const { jobId, n, verdict, now } = settlement
    this.settled.push(settlement)
    const entries = this.#jobs.get(jobId) ?? []
    const entry = entries[n - 1]
    if (entry === undefined || entry.status !== 'pending') return false
    entry.tries += 1
    if (verdict.kind === 'again') entry.nextAt = verdict.at
    else if (verdict.kind === 'stopped') for (const each of entries) each.status = 'given_up'
    else {
      entry.status = verdict.kind
      const next = entries[n]
      if (next !== undefined) next.nextAt = Math.max(next.nextAt, now)
    }
    return true
  }

  async recallDeliveries({ now, setBackMs }: Parameters<Store['recallDeliveries']>[0]): Promise<number> {
    const ahead = [...this.#jobs.values()].flat().filter(({ status, nextAt }) => status === 'pending' && nextAt > now)
    for (const entry of ahead) entry.nextAt -= setBackMs
    return setBackMs > 0 ? ahead.length : 0
  }

  async get(id: string) {
    return this.#jobs.has(id) ? job({ id }) : null
  }

  async detail(id: string): Promise<JobDetail | null> {
    const entries = this.#jobs.get(id)
    if (entries === undefined) return null
    const state = entries.at(-1)?.delivery.change.state ?? 'done'
    const detail = { artifacts: [], deliveries: [], result: null, queuePosition: null, ...this.details.get(id) }
    return { job: job({ id, state }), ...detail }
  }
}
