// Owns the live bytes of jobs in memory: who listens to which job, from before its row exists until its end. It never
// stores, edits or invents a byte, and never learns why. Back-pressure is a return value: false means "no more for now".

import type { AnswerHeaders, AnswerRecord } from '../domain/answer.ts'
import type { EventName, JobError, StateChange } from '../domain/job.ts'

/** How a job ended for whoever listens. */
export type RunEnding =
  | { readonly kind: 'completed' }
  /** The target's own HTTP error was passed on, with its body. */
  | { readonly kind: 'answered'; readonly error: JobError }
  /** `recorded`: the error stands in the answer's own bytes already. */
  | { readonly kind: 'failed'; readonly event: EventName; readonly error: JobError; readonly recorded: boolean }

/** A listener to one job. Calls come in this order: head, data…, ended. Nothing of an attempt that is tried again is heard. */
export interface Subscriber {
  /** The target's status line and headers: everything that follows is its body. */
  /** `length`: bytes of the body, if foreman holds all of them. */
  head(status: number, headers: AnswerHeaders, reason: string, length: number | null): void
  /** False: stop reading the target until `Subscription.drained()` is called. */
  data(chunk: Buffer): boolean
  /** The last record of the answer was among the bytes: only its end follows. */
  lastRecord?(): void
  ended(ending: RunEnding): void
}

export interface Subscription {
  /** The listener can take bytes again. */
  drained(): void
  /** Hears nothing more. Safe twice. */
  close(): void
}

/** A state change, as watchers are told of it. */
export interface Changed extends StateChange {
  /** With `failed` and `cancelled`. */
  readonly error: JobError | null
}

/**
 * Somebody who looks on. Never asked whether he can take more: he must not slow a run, so he copies or drops. What comes
 * has rising numbers (protocol/event.ts).
 */
export interface Watcher {
  changed(change: Changed): void
  /** `number`: eventNumber(change, record). The bytes are valid only during the call. */
  record(number: number, record: AnswerRecord): void
  /** Foreman stops: he will hear nothing more. */
  stopped?(): void
}

interface Subscribed {
  readonly subscriber: Subscriber
  /** Set while the dispatcher waits for this listener. */
  resume: (() => void) | null
}

/** One relay per daemon: at most one listener a job, because a blocked call has one caller; watchers as many as come. */
export class Relay {
  readonly #lines = new Map<string, Subscribed>()
  readonly #watchers = new Map<string, Set<Watcher>>()

  get listeners(): number {
    return this.#lines.size
  }

  /** Listens to a job, before its row exists, so that nothing can be missed. A second listener is a bug. */
  open(id: string, subscriber: Subscriber): Subscription {
    if (this.#lines.has(id)) throw new Error(`job ${id} has a listener already`)
    const line: Subscribed = { subscriber, resume: null }
    this.#lines.set(id, line)
    return {
      drained: () => {
        const { resume } = line
        line.resume = null
        resume?.()
      },
      close: () => {
        if (this.#lines.get(id) === line) this.#lines.delete(id)
        const { resume } = line
        line.resume = null
        resume?.()
      },
    }
  }

  /** Looks on, from now. Any number of watchers a job; before its row exists, too. */
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
    let count = 0
    for (const watchers of this.#watchers.values()) count += watchers.size
    return count
  }

  changed(id: string, change: Changed): void {
    for (const watcher of this.#watchers.get(id) ?? []) watcher.changed(change)
  }

  record(id: string, number: number, record: AnswerRecord): void {
    for (const watcher of this.#watchers.get(id) ?? []) watcher.record(number, record)
  }

  /** There is nothing more to tell anybody who looks on. */
  stop(): void {
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.stopped?.()
  }

  isHeard(id: string): boolean {
    return this.#lines.has(id)
  }

  head(id: string, status: number, headers: AnswerHeaders, reason: string, length: number | null): void {
    this.#lines.get(id)?.subscriber.head(status, headers, reason, length)
  }

  /** False: `resume` will be called once, when the listener can take more. */
  data(id: string, chunk: Buffer, resume: () => void): boolean {
    const line = this.#lines.get(id)
    if (line === undefined || line.subscriber.data(chunk)) return true
    line.resume = resume
    return false
  }

  lastRecord(id: string): void {
    this.#lines.get(id)?.subscriber.lastRecord?.()
  }

  ended(id: string, ending: RunEnding): void {
    const line = this.#lines.get(id)
    this.#lines.delete(id)
    line?.subscriber.ended(ending)
  }
}
