// What a job waits for, on stderr: a status line on a terminal, which is wiped before anything else is printed. Elsewhere one
// plain line each time the reason changes.

import type { JobState, JobSummary, WaitingForDocument } from '../protocol/wire.ts'
import { waitingForText } from './job-words.ts'
import { StatusLine } from './screen.ts'
import { age, printable } from './terminal.ts'

export interface WaitingLine {
  readonly jobId: string
  readonly state: JobState | 'submitting'
  readonly attempt: number
  readonly model: string
  readonly position: number | null
  readonly etaMs: number | null
  /** Why it is not being sent, where that is known. */
  readonly waitingFor: WaitingForDocument | null
}

/** Reasons that say more than a place and an estimate. */
const HOLDS: readonly WaitingForDocument['reason'][] = ['paused', 'storage_full', 'target_unreachable', 'backoff']

/** `queued, 3 before it, in about 2m10s`, and for how long already. Pure. */
export function waitingText(waiting: WaitingLine, forMs: number, now = Date.now()): string {
  const { jobId, state, attempt, model, position, etaMs, waitingFor } = waiting
  const parts: string[] = [state === 'loading' ? `loading ${printable(model)}` : state]
  if (state === 'queued') {
    if (position !== null) parts.push(position === 0 ? 'next' : `${position} before it`)
    const isHeld = waitingFor !== null && HOLDS.includes(waitingFor.reason)
    if (!isHeld && etaMs !== null) parts.push(etaMs < 1000 ? 'any moment' : `in about ${age(etaMs)}`)
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

  /** Whether stderr is a terminal that has the status line. */
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

  /** What a look at the job told. */
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
    // Whoever ends the process does not know of the line.
    process.once('exit', this.#wipe)
    this.#ticking = setInterval(() => this.#draw(), 1000)
    this.#draw()
  }

  /** Wiped, and it stays so until `show`. Safe twice. */
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
