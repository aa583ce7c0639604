// Clock that moves only when a test advances it. Timers fire in the order of their time, and at equal times in the order in
// which they were set. The wall clock can be made to jump away from the monotonic clock.

import type { Clock, Timer } from '../src/daemon/runtime/clock.ts'

interface Pending {
  readonly dueAt: number
  readonly order: number
  readonly fn: () => void
}

/** An ordinary Tuesday, so that a time in a failing test can be read. */
const START = Date.UTC(2026, 0, 6, 12)

export class TestClock implements Clock {
  #wall = START
  #monotonic = 0
  #order = 0
  readonly #pending = new Set<Pending>()
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  after(ms: number, fn: () => void): Timer {
    const timer = { dueAt: this.#monotonic + Math.max(0, ms), order: this.#order++, fn }
    this.#pending.add(timer)
    for (const waiter of this.#waiting.splice(0)) this.#answer(waiter)
    return { cancel: () => void this.#pending.delete(timer) }
  }

  /** Number of timers that are set. */
  get timers(): number {
    return this.#pending.size
  }

  /** Milliseconds until the next timer is due; null without a timer. */
  get nextIn(): number | null {
    const next = this.#next()
    return next === null ? null : next.dueAt - this.#monotonic
  }

  /** Resolves once at least `count` timers are set. Tests wait for this before they advance the clock. */
  armed(count = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#answer({ count, resolve })
    return promise
  }

  /** Advances the clock. Due timers fire, each at its own time, including those that a fired timer sets. */
  advance(ms: number): void {
    const end = this.#monotonic + ms
    for (let next = this.#next(); next !== null && next.dueAt <= end; next = this.#next()) {
      this.#move(next.dueAt - this.#monotonic)
      this.#pending.delete(next)
      next.fn()
    }
    this.#move(end - this.#monotonic)
  }

  /** As `advance`, but gives promises a turn of the event loop after each timer. */
  async advanceSoftly(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    await turn()
    for (let next = this.#next(); next !== null && next.dueAt <= end; next = this.#next()) {
      this.#move(next.dueAt - this.#monotonic)
      this.#pending.delete(next)
      next.fn()
      await turn()
    }
    this.#move(end - this.#monotonic)
  }

  /** Sets the wall clock forward or back (NTP, a user, a Pi without a battery). No timer fires. */
  jump(ms: number): void {
    this.#wall += ms
  }

  /** Simulates a sleep of the machine: only the wall clock advances. Node's other clock and timers stop too, on Linux. */
  sleep(ms: number): void {
    this.jump(ms)
  }

  #move(ms: number): void {
    this.#monotonic += ms
    this.#wall += ms
  }

  #next(): Pending | null {
    let next: Pending | null = null
    for (const timer of this.#pending) {
      if (next === null || timer.dueAt < next.dueAt || (timer.dueAt === next.dueAt && timer.order < next.order)) {
        next = timer
      }
    }
    return next
  }

  #answer(waiter: { readonly count: number; readonly resolve: () => void }): void {
    if (this.#pending.size >= waiter.count) waiter.resolve()
    else this.#waiting.push(waiter)
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
