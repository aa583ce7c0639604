// Progress of a waiting job on stderr. On a terminal it is a status line that is removed before anything else is printed.
// Elsewhere it is one plain line each time the reason changes.

import type { JobState, JobSummary, WaitingForDocument } from '../protocol/wire.ts'
import { aheadText, waitingForText } from './job-words.ts'
import { StatusLine } from './screen.ts'
import { age, printable } from './terminal.ts'

interface Waiting {
  /** Empty before the receipt. */
  readonly jobId: string
  readonly state: JobState | 'submitting'
  readonly attempt: number
  readonly model: string
  readonly position: number | null
  readonly etaMs: number | null
  /** Why it is not being sent; null if unknown. */
  readonly waitingFor: WaitingForDocument | null
}

/** Reasons that are shown instead of an ETA. */
const HOLDS: readonly WaitingForDocument['reason'][] = ['paused', 'storage_full', 'target_unreachable', 'backoff']

/** `queued, 3 ahead, in about 2m10s (5s)`: state, place, ETA, and time in this state. */
function waitingText(waiting: Waiting, forMs: number): string {
  const { jobId, state, attempt, model, position, etaMs, waitingFor } = waiting
  const parts: string[] = [state === 'loading' ? `loading ${printable(model)}` : state]
  if (state === 'queued') {
    if (position !== null) parts.push(aheadText(position))
    const isHeld = waitingFor !== null && HOLDS.includes(waitingFor.reason)
    if (!isHeld && etaMs !== null) parts.push(etaMs < 1000 ? 'about to start' : `in about ${age(etaMs)}`)
    if (waitingFor !== null && (isHeld || position !== 0)) parts.push(waitingForText(waitingFor, Date.now(), true))
  }
  if (attempt > 1) parts.push(`attempt ${attempt}`)
  return `${parts.join(', ')} (${forMs < 1000 ? '0s' : age(forMs)})${jobId === '' ? '' : `  ${jobId}`}`
}

export class ProgressLine {
  /** Null if stderr is not a terminal. */
  readonly #line = process.stderr.isTTY && process.env['TERM'] !== 'dumb' ? new StatusLine(process.stderr) : null
  #printed: WaitingForDocument['reason'] | null = null
  #waiting: Waiting
  #since = performance.now()
  #ticking: NodeJS.Timeout | null = null

  constructor(model: string) {
    this.#waiting = { jobId: '', state: 'submitting', attempt: 0, model, position: null, etaMs: null, waitingFor: null }
  }

  /** Whether there is a status line. */
  get isShown(): boolean {
    return this.#line !== null
  }

  get state(): Waiting['state'] {
    return this.#waiting.state
  }

  change(change: Partial<Waiting>): void {
    if (change.state !== undefined && change.state !== this.#waiting.state) this.#since = performance.now()
    this.#waiting = { ...this.#waiting, ...change }
    if (this.#ticking !== null) this.#draw()
  }

  /** Takes what `GET /jobs/{id}` answered. */
  learn({ model, position, eta_seconds: eta, waiting_for: waitingFor = null }: JobSummary): void {
    this.change({ model, position, etaMs: eta === undefined ? null : eta * 1000, waitingFor })
    const { state, jobId } = this.#waiting
    if (this.#line !== null || waitingFor === null || state !== 'queued' || waitingFor.reason === this.#printed) return
    this.#printed = waitingFor.reason
    process.stderr.write(`foreman: job ${jobId} waits: ${waitingForText(waitingFor, Date.now(), true)}\n`)
  }

  show(): void {
    if (this.#line === null || this.#ticking !== null) return
    // Code that calls process.exit does not know of the status line.
    process.once('exit', this.#wipe)
    this.#ticking = setInterval(() => this.#draw(), 1000)
    this.#draw()
  }

  /** Removes the line until `show`. Safe to call twice. */
  hide(): void {
    if (this.#ticking !== null) clearInterval(this.#ticking)
    this.#ticking = null
    process.off('exit', this.#wipe)
    this.#wipe()
  }

  readonly #wipe = (): void => this.#line?.clear()

  #draw(): void {
    this.#line?.show(waitingText(this.#waiting, performance.now() - this.#since))
  }
}
