// State of the demo: each request with its progress, the work of the target, and the counters of foreman. Both views
// are drawn from it. It only receives events and sends no requests.

import type { StatusDocument } from '../../src/protocol/wire.ts'
import { ASKS, type Ask, timeOf } from './asks.ts'

export type Stage = 'not yet' | 'queued' | 'loading' | 'working' | 'done' | 'failed'

export interface Row {
  readonly ask: Ask
  readonly stage: Stage
  /** Milliseconds since the start of the demo. */
  readonly askedAt: number | null
  readonly sentAt: number | null
  readonly doneAt: number | null
  readonly text: string
}

export class Board {
  readonly rows: Row[] = ASKS.map((ask) => ({
    ...{ ask, stage: 'not yet', askedAt: null, sentAt: null, doneAt: null, text: '' },
  }))
  /** Numbers of the requests, in the order in which the target got them. */
  readonly sent: number[] = []
  readonly embeddings: number[] = []
  /** The last answer to GET /status. */
  status: StatusDocument | null = null
  readonly #startedAt = performance.now()

  get now(): number {
    return performance.now() - this.#startedAt
  }

  row({ number }: Ask): Row {
    return this.rows[number - 1] as Row
  }

  change(ask: Ask, changes: Partial<Row>): void {
    this.rows[ask.number - 1] = { ...this.row(ask), ...changes }
  }

  asked(ask: Ask): void {
    this.change(ask, { stage: 'queued', askedAt: this.now })
  }

  sentTo(ask: Ask, loads: boolean): void {
    this.sent.push(ask.number)
    this.change(ask, { stage: loads ? 'loading' : 'working', sentAt: this.now })
  }

  /** The request that is at the target; null if it is idle. */
  get running(): Row | null {
    return this.rows.find(({ stage }) => stage === 'loading' || stage === 'working') ?? null
  }

  /** Waiting requests in drain order: those for the resident model, then those for the model of the oldest one. */
  get waiting(): Ask[] {
    const left = this.rows.filter(({ stage }) => stage === 'queued').map(({ ask }) => ask)
    const order: Ask[] = []
    let model = this.rows[(this.sent.at(-1) ?? 0) - 1]?.ask.model
    while (left.length > 0) {
      const same = left.findIndex((ask) => ask.model === model)
      const [next] = left.splice(Math.max(0, same), 1)
      if (next === undefined) break
      order.push(next)
      model = next.model
    }
    return order
  }

  /** Returns how many jobs are ahead of it, including the running one. */
  positionOf(ask: Ask): number {
    return this.waiting.indexOf(ask) + (this.running === null ? 0 : 1)
  }

  get result(): Result {
    const order = this.sent.map((number) => ASKS[number - 1] as Ask)
    const ends = this.rows.map(({ doneAt }) => doneAt ?? 0)
    const starts = this.rows.map(({ askedAt }) => askedAt ?? 0)
    return {
      tookMs: Math.max(...ends) - Math.min(...starts),
      loads: timeOf(order).loads,
      fifo: timeOf(ASKS),
      failed: this.rows.filter(({ stage }) => stage !== 'done').length,
    }
  }
}

export interface Result {
  readonly tookMs: number
  readonly loads: number
  /** The same requests in the order of their arrival, with the times of the simulation. */
  readonly fifo: { readonly ms: number; readonly loads: number }
  readonly failed: number
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
