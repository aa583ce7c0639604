// Cancellation of a job by a call or a deadline, whether it waits, runs, or is being claimed. It never talks to the
// target: a running job is stopped by its attempt.

import type { StopReason } from '../domain/attempt.ts'
import { isFinal, type JobError } from '../domain/job.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Relay } from '../runtime/relay.ts'
import type { Store } from '../sqlite/store.ts'
import type { AttemptCompleter } from './attempt-completer.ts'

/** `stopping`: it runs, and will end in a moment. `cancelled`: it was waiting. `over`: it had ended before. */
export type CancelResult = 'stopping' | 'cancelled' | 'over' | 'unknown'

/** Result of stopping the running job. `answered`: its answer is complete already, so its outcome stands. */
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
  /** Cancellations since the last claim was sent; that claim may return one of these jobs. */
  readonly #written = new Map<string, Promise<boolean>>()

  constructor(parts: CancellationParts) {
    this.#parts = parts
  }

  /**
   * @param reason why a running job is stopped; `start_before_passed` never stops one, because it has started
   * @param limit the deadline in words, if one has passed
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
    // Saved whatever its state is by now: a claim may be on its way back, and calls `caught` before it sends.
    const written = this.#write(id, error)
    this.#written.set(id, written)
    if (!(await written)) return 'over'
    relay.ended(id, { kind: 'failed', event: 'cancelled', error, recorded: false })
    return 'cancelled'
  }

  /** A claim is sent. It cannot return a job that was cancelled before. */
  claiming(): void {
    this.#written.clear()
  }

  /**
   * For a job that was just claimed: its cancellation if there was one since the claim was sent, else null. Resolves
   * with whether the job was cancelled.
   */
  caught(id: string): Promise<boolean> | null {
    return this.#written.get(id) ?? null
  }

  #write(id: string, error: JobError): Promise<boolean> {
    return this.#parts.completer.write({ id, event: 'cancelled', now: this.#parts.clock.now(), error })
  }
}
