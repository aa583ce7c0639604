// Progress of one followed job (state, attempt, position, ETA), with a callback for each change. Events hold no position, so
// it is polled; a failed poll does not fail the job.

import type { JobHandle, JobState } from '../client/index.ts'

/** Where a job stands. */
export interface JobProgress {
  readonly jobId: string
  readonly model: string
  readonly state: JobState
  /** Times it was sent until now. */
  readonly attempt: number
  /** Jobs to be sent before it, the running one included; 0 is next. Null when it does not wait, or not yet known. */
  readonly position: number | null
  /** Until it is likely to be sent; null when that is not known. */
  readonly etaSeconds: number | null
}

/** As often as a wait by polling looks. */
const LOOK_MS = 2_000

export class ProgressWatch {
  readonly #handle: JobHandle
  readonly #tell: ((progress: JobProgress) => void) | null
  readonly #over = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined
  #now: JobProgress

  /** Begins with the receipt and reports it. Without a callback, nothing is polled. */
  constructor(handle: JobHandle, model: string, tell: ((progress: JobProgress) => void) | null) {
    const { state = 'queued', position = null } = handle.receipt ?? {}
    this.#handle = handle
    this.#tell = tell
    this.#now = { jobId: handle.id, model, state, attempt: 0, position, etaSeconds: null }
    tell?.(this.#now)
    this.#lookIn(LOOK_MS)
  }

  changed({ state, attempt }: Pick<JobProgress, 'state' | 'attempt'>): void {
    const isBack = state === 'queued' && this.#now.state !== 'queued'
    const waits = state === 'queued' && !isBack
    const { position, etaSeconds } = this.#now
    this.#become({ state, attempt, ...(waits ? { position, etaSeconds } : { position: null, etaSeconds: null }) })
    if (isBack) this.#lookIn(0)
  }

  /** Stops the timer and the current poll. The callback is not called again. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#over.abort()
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer)
    const isWanted = this.#tell !== null && this.#now.state === 'queued' && !this.#over.signal.aborted
    if (isWanted) this.#timer = setTimeout(() => void this.#look(), ms)
  }

  async #look(): Promise<void> {
    try {
      const { state, position, eta_seconds } = await this.#handle.get({ signal: this.#over.signal })
      // What the events say is newer than an answer that was on its way meanwhile.
      if (state === 'queued' && this.#now.state === 'queued')
        this.#become({ position, etaSeconds: eta_seconds ?? null })
    } catch {
      // The events, or their end, tell what is wrong.
    }
    this.#lookIn(LOOK_MS)
  }

  #become(change: Partial<JobProgress>): void {
    const before = JSON.stringify(this.#now)
    this.#now = { ...this.#now, ...change }
    if (!this.#over.signal.aborted && JSON.stringify(this.#now) !== before) this.#tell?.(this.#now)
  }
}
