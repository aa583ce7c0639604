// Progress of one followed job (state, attempt, position, ETA), with a callback for each change. Events hold no position, so
// it is polled; a failed poll does not fail the job.

import type { JobHandle, JobState } from '../client/index.ts'

/** Where a job stands. */
export interface JobProgress {
  readonly jobId: string
  readonly model: string
  readonly state: JobState
  /** How often the job has been sent so far. */
  readonly attempt: number
  /** Number of jobs to be sent before it, the running one included; 0 is next. Null if it does not wait, or if unknown. */
  readonly position: number | null
  /** Estimated seconds until it is sent; null if unknown. */
  readonly etaSeconds: number | null
}

/** The interval of a wait by polling. */
const POLL_MS = 2_000

export class ProgressWatch {
  readonly #handle: JobHandle
  readonly #onState: ((progress: JobProgress) => void) | undefined
  readonly #stopped = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined
  #now: JobProgress

  /** Begins with the receipt and reports it. Without a callback, nothing is polled. */
  constructor(handle: JobHandle, model: string, onState: ((progress: JobProgress) => void) | undefined) {
    const { state = 'queued', position = null } = handle.receipt ?? {}
    this.#handle = handle
    this.#onState = onState
    this.#now = { jobId: handle.id, model, state, attempt: 0, position, etaSeconds: null }
    this.#report()
    this.#pollIn(POLL_MS)
  }

  changed({ state, attempt }: Pick<JobProgress, 'state' | 'attempt'>): void {
    const before = this.#now.state
    this.#update({ state, attempt, ...(state === 'queued' && before === 'queued' ? {} : UNKNOWN_POSITION) })
    if (state === 'queued' && before !== 'queued') this.#pollIn(0)
  }

  /** Stops the timer and the current poll. The callback is not called again. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#stopped.abort()
  }

  #pollIn(ms: number): void {
    clearTimeout(this.#timer)
    const isWanted = this.#onState !== undefined && this.#now.state === 'queued' && !this.#stopped.signal.aborted
    if (isWanted) this.#timer = setTimeout(() => void this.#poll(), ms)
  }

  async #poll(): Promise<void> {
    try {
      const { state, position, eta_seconds } = await this.#handle.get({ signal: this.#stopped.signal })
      // An event that arrived meanwhile is newer than this answer.
      if (state === 'queued' && this.#now.state === 'queued')
        this.#update({ position, etaSeconds: eta_seconds ?? null })
    } catch {
      // The events report a failure.
    }
    this.#pollIn(POLL_MS)
  }

  #update(change: Partial<JobProgress>): void {
    const before = JSON.stringify(this.#now)
    this.#now = { ...this.#now, ...change }
    if (!this.#stopped.signal.aborted && JSON.stringify(this.#now) !== before) this.#report()
  }

  #report(): void {
    try {
      this.#onState?.(this.#now)
    } catch {
      // A callback that throws must not end the job.
    }
  }
}

const UNKNOWN_POSITION = { position: null, etaSeconds: null } as const
