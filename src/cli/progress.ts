// Progress of a waiting job on stderr. On a terminal it is a status line that is removed before anything else is printed.
// Elsewhere it is one plain line each time the reason changes.

import type { JobState, JobSummary, WaitingForDocument } from '../protocol/wire.ts'
import { aheadText, waitingForText } from './job-words.ts'
import { StatusLine } from './screen.ts'
import { age, printable } from './terminal.ts'

export interface WaitingLine {
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

/** `queued, 3 ahead, in about 2m10s (5s)`: state, place, ETA, and time in this state. Pure. */
export function waitingText(waiting: WaitingLine, forMs: number, now = Date.now()): string {
  const { jobId, state, attempt, model, position, etaMs, waitingFor } = waiting
  const parts: string[] = [state === 'loading' ? `loading ${printable(model)}` : state]
  if (state === 'queued') {
    if (position !== null) parts.push(aheadText(position))
    const isHeld = waitingFor !== null && HOLDS.includes(waitingFor.reason)
    if (!isHeld && etaMs !== null) parts.push(etaMs < 1000 ? 'about to start' : `in about ${age(etaMs)}`)
    if (waitingFor !== null && (isHeld || position !== 0)) parts.push(waitingForText(waitingFor, now, true))
  }
  if (attempt > 1) parts.push(`attempt ${attempt}`)
  const what = `${parts.join(', ')} (${age(Math.floor(forMs / 1000) * 1000).replace('0ms', '0s')})`
  return jobId === '' ? what : `${what}  ${jobId}`
}

export class ProgressLine {
  readonly #line: StatusLine | null
  readonly #stream: NodeJS.WriteStream
  #printed: WaitingForDocument['reason'] | null = null
  #waiting: WaitingLine
  #since = performance.now()
  #ticking: NodeJS.Timeout | null = null

  constructor(model: string, stream: NodeJS.WriteStream = process.stderr) {
    const isShown = stream.isTTY && process.env['TERM'] !== 'dumb'
    this.#stream = stream
    this.#line = isShown ? new StatusLine(stream) : null
    this.#waiting = { jobId: '', state: 'submitting', attempt: 0, model, position: null, etaMs: null, waitingFor: null }
  }

  /** Whether stderr is a terminal, so that there is a status line. */
  get isShown(): boolean {
    return this.#line !== null
  }

  get state(): WaitingLine['state'] {
    return this.#waiting.state
  }

  change(change: Partial<WaitingLine>): void {
    if (change.state !== undefined && change.state !== this.#waiting.state) this.#since = performance.now()
    this.#waiting = { ...this.#waiting, ...change }
    if (this.#ticking !== null) this.#draw()
  }

  /** Takes what `GET /jobs/{id}` answered. */
  learn(job: JobSummary): void {
    this.change({
      model: job.model,
      position: job.position,
      etaMs: job.eta_seconds === undefined ? null : job.eta_seconds * 1000,
      waitingFor: job.waiting_for ?? null,
    })
    if (this.#line === null) this.#print(job.waiting_for ?? null)
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
    this.#line?.clear()
  }

  #print(waiting: WaitingForDocument | null): void {
    const { state, jobId } = this.#waiting
    if (waiting === null || state !== 'queued' || waiting.reason === this.#printed) return
    this.#printed = waiting.reason
    this.#stream.write(`foreman: job ${jobId} waits: ${waitingForText(waiting, Date.now(), true)}\n`)
  }

  readonly #wipe = (): void => this.#line?.clear()

  #draw(): void {
    this.#line?.show(waitingText(this.#waiting, performance.now() - this.#since))
  }
}
