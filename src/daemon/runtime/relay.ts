// Relay of live answers in memory: connects each running job to its listener and its watchers. It never stores or
// changes a byte. Back-pressure is a return value: false means "no more for now".

import type { AnswerHeaders, AnswerRecord } from '../domain/endpoint.ts'
import type { EventName, JobError, StateChange } from '../domain/job.ts'

/** How a job ended, for its listener. */
export type RunEnding =
  | { readonly kind: 'completed' }
  /** The target's own HTTP error was passed on, with its body. */
  | { readonly kind: 'answered'; readonly error: JobError }
  /** `recorded`: the answer's own bytes contain the error already. */
  | { readonly kind: 'failed'; readonly event: EventName; readonly error: JobError; readonly recorded: boolean }

/**
 * A listener of one job. Calls come in this order: head, data…, ended. It hears nothing of an attempt that is retried.
 */
export interface Subscriber {
  /** The target's status line and headers. `length`: bytes of the body, if foreman holds all of them. */
  head(status: number, headers: AnswerHeaders, reason: string, length: number | null): void
  /** Returns false to stop reading from the target until `Subscription.drained()` is called. */
  data(chunk: Buffer): boolean
  /** The last record of the answer has been passed on: only the end of the answer follows. */
  lastRecord?(): void
  ended(ending: RunEnding): void
}

export interface Subscription {
  /** The listener can take bytes again. */
  drained(): void
  /** Ends the subscription. Safe to call twice. */
  close(): void
}

/** A state change, as watchers get it. */
export interface Changed extends StateChange {
  /** With `failed` and `cancelled`. */
  readonly error: JobError | null
}

/**
 * An observer of a running job. It gets no back-pressure: it must copy or drop, never block. Events have rising numbers
 * (protocol/event.ts).
 */
export interface Watcher {
  changed(change: Changed): void
  /** `number`: eventNumber(change, record). The bytes are valid only during the call. */
  record(number: number, record: AnswerRecord): void
  /** Foreman stops: no more events will come. */
  stopped?(): void
}

interface Subscribed {
  readonly subscriber: Subscriber
  /** Set while the target is paused for this listener. */
  resume: (() => void) | null
}

/**
 * The relay of a daemon. A job has at most one listener, because a waiting call has one caller, and any number of
 * watchers.
 */
export class Relay {
  readonly #listeners = new Map<string, Subscribed>()
  readonly #watchers = new Map<string, Set<Watcher>>()

  /** Subscribes to a job before its row exists, so that nothing is missed. A second listener is a bug. */
  open(id: string, subscriber: Subscriber): Subscription {
    if (this.#listeners.has(id)) throw new Error(`job ${id} has a listener already`)
    const listener: Subscribed = { subscriber, resume: null }
    this.#listeners.set(id, listener)
    const drained = (): void => {
      const { resume } = listener
      listener.resume = null
      resume?.()
    }
    return {
      drained,
      close: () => {
        if (this.#listeners.get(id) === listener) this.#listeners.delete(id)
        drained()
      },
    }
  }

  /** Watches a job from now on; possible before its row exists. */
  watch(id: string, watcher: Watcher): { close(): void } {
    const watchers = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, watchers.add(watcher))
    return {
      close: () => {
        watchers.delete(watcher)
        if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id)
      },
    }
  }

  isWatched(id: string): boolean {
    return this.#watchers.has(id)
  }

  get watchers(): number {
    return [...this.#watchers.values()].reduce((sum, { size }) => sum + size, 0)
  }

  changed(id: string, change: Changed): void {
    for (const watcher of this.#watchers.get(id) ?? []) watcher.changed(change)
  }

  record(id: string, number: number, record: AnswerRecord): void {
    for (const watcher of this.#watchers.get(id) ?? []) watcher.record(number, record)
  }

  /** Tells all watchers that no more events will come. */
  stop(): void {
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.stopped?.()
  }

  isHeard(id: string): boolean {
    return this.#listeners.has(id)
  }

  head(id: string, status: number, headers: AnswerHeaders, reason: string, length: number | null): void {
    this.#listeners.get(id)?.subscriber.head(status, headers, reason, length)
  }

  /** Returns false if the listener is full; then `resume` is called once, when it can take more. */
  data(id: string, chunk: Buffer, resume: () => void): boolean {
    const listener = this.#listeners.get(id)
    if (listener === undefined || listener.subscriber.data(chunk)) return true
    listener.resume = resume
    return false
  }

  lastRecord(id: string): void {
    this.#listeners.get(id)?.subscriber.lastRecord?.()
  }

  ended(id: string, ending: RunEnding): void {
    const listener = this.#listeners.get(id)
    this.#listeners.delete(id)
    listener?.subscriber.ended(ending)
  }
}
