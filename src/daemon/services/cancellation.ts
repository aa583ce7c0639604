// Owns the end of a job from outside, be it a cancel call or a deadline: whether it waits, runs, or is just being claimed.
// It never touches the target; a running job is stopped by the run itself.

import type { StopReason } from '../domain/attempt.ts'
import { isFinal, type JobError } from '../domain/job.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Relay } from '../runtime/relay.ts'
import type { Store } from '../sqlite/store.ts'
import type { AttemptCompleter } from './attempt-completer.ts'

/** `stopping`: it runs, and its final state comes in a moment; `cancelled`: it waited; `over`: it had ended before. */
export type CancelResult = 'stopping' | 'cancelled' | 'over' | 'unknown'

/** What became of a request to stop the running job. `answered`: its answer has its verdict, which stands. */
export type StopResult = 'stopping' | 'answered' | 'not_running'

export interface CancellationParts {
  readonly clock: Clock
  readonly store: Store
  readonly relay: Relay
  readonly completer: AttemptCompleter
  readonly stopRunning: (id: string, reason: StopReason, limit?: string) => StopResult
}

export class Cancellation {
  readonly #parts: CancellationParts
  /** Those that a claim which is on its way may have met. */
  readonly #written = new Map<string, Promise<boolean>>()

  constructor(parts: CancellationParts) {
    this.#parts = parts
  }

  /**
   * @param reason what stops it if it runs; `start_before_passed` stops no run: it has started
   * @param limit the deadline in words, where one ends it
   */
  async cancel(
    id: string,
    error: JobError,
    reason: StopReason | 'start_before_passed',
    limit?: string,
  ): Promise<CancelResult> {
    const { store, relay, stopRunning } = this.#parts
    const stops = (): boolean => reason !== 'start_before_passed' && stopRunning(id, reason, limit) !== 'not_running'
    if (stops()) return 'stopping'
    const job = await store.get(id)
    if (job === null) return 'unknown'
    if (isFinal(job.state) || (reason === 'start_before_passed' && job.startedAt !== null)) return 'over'
    if (stops()) return 'stopping'
    // Written down whatever state it is in by now: a claim may be on its way back, and asks `caught` before it sends.
    const written = this.#write(id, error)
    this.#written.set(id, written)
    if (!(await written)) return 'over'
    relay.ended(id, { kind: 'failed', event: 'cancelled', error, recorded: false })
    return 'cancelled'
  }

  /** A claim goes out. What was cancelled before it cannot be what it brings. */
  claiming(): void {
    this.#written.clear()
  }

  /** Whether the job that was just claimed was cancelled in that very moment; null: it was not, and nothing is waited for. */
  caught(id: string): Promise<boolean> | null {
    return this.#written.get(id) ?? null
  }

  #write(id: string, error: JobError): Promise<boolean> {
    return this.#parts.completer.write({ id, event: 'cancelled', now: this.#parts.clock.now(), error })
  }
}
