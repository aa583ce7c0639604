// Model of the outbox of one async job, without SQL: its history and its deliveries. Only for comparisons.

import type { Delivery } from '../../src/daemon/domain/delivery.ts'
import type { State, StateChange } from '../../src/daemon/domain/job.ts'
import type { DeliverySettlement } from '../../src/daemon/sqlite/store.ts'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

export class OutboxModel {
  readonly history: StateChange[] = []
  readonly deliveries: Mutable<Delivery>[] = []
  readonly #events: readonly State[]

  constructor(events: readonly State[]) {
    this.#events = events
  }

  record(number: number, state: State, attempt: number, at: number): void {
    this.history.push({ number, state, previous: this.history.at(-1)?.state ?? null, attempt, at })
    if (!this.#events.includes(state)) return
    const isGone = this.deliveries.some(({ reason }) => reason === 'gone')
    const fate = isGone
      ? ({ status: 'given_up', reason: 'gone', nextAt: null } as const)
      : ({ status: 'pending', reason: null, nextAt: at } as const)
    this.deliveries.push({ n: number, state, tries: 0, deliveredAt: null, ...fate })
  }

  /** The only one that may be sent. */
  get head(): Delivery | undefined {
    return this.deliveries.find(({ status }) => status === 'pending')
  }

  settle({ n, now, verdict }: Pick<DeliverySettlement, 'n' | 'now' | 'verdict'>): boolean {
    const one = this.deliveries.find((delivery) => delivery.n === n && delivery.status === 'pending')
    if (one === undefined) return false
    one.tries += 1
    if (verdict.kind === 'again') Object.assign(one, { nextAt: verdict.at, reason: verdict.reason })
    else if (verdict.kind === 'delivered') {
      Object.assign(one, { status: 'delivered', reason: null, nextAt: null, deliveredAt: now })
    } else if (verdict.kind === 'given_up') {
      Object.assign(one, { status: 'given_up', reason: verdict.reason, nextAt: null })
    } else {
      const open = this.deliveries.filter(({ status }) => status === 'pending')
      for (const each of open) Object.assign(each, { status: 'given_up', reason: 'gone', nextAt: null })
    }
    return true
  }

  redeliver(n: number, now: number): boolean {
    const one = this.deliveries.find((delivery) => delivery.n === n)
    if (one === undefined) return false
    Object.assign(one, { status: 'pending', tries: 0, reason: null, nextAt: now, deliveredAt: null })
    return true
  }
}
