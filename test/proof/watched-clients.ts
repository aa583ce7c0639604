// Clients that record what they see: they submit, call, read, cancel and watch. They expect the daemon to die at any time.

import type { JobDocument, JobListDocument, JobSummary, ReceiptDocument } from '../../src/protocol/wire.ts'
import { parseEvents } from './event-text.ts'
import { type HttpResult, sendRequest } from './http-request.ts'
import type { LogicalClock } from './logical-clock.ts'
import type { Call, Cancel, LogicalTime, Reading, SeenEvent, Submit, Watch } from './run-history.ts'
import { jobBodyOf, type Work, webhookStatesOf } from './work.ts'

/** Delay before a client asks again if the daemon does not run. */
const AGAIN_MS = 50
/** A watcher gives up after so many connections; the drain ends long before. */
const MAX_PARTS = 2_000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class WatchedClients {
  readonly submits: Submit[] = []
  readonly calls: Call[] = []
  readonly readings: Reading[] = []
  readonly cancels: Cancel[] = []
  readonly watches: Watch[] = []
  readonly #url: string
  readonly #clock: LogicalClock

  constructor(url: string, clock: LogicalClock) {
    this.#url = url
    this.#clock = clock
  }

  /** Submits once. Returns null if no daemon listens. */
  async submit(work: Work): Promise<Submit['outcome'] | null> {
    const { ref, key, hash: body } = work
    const askedAt = this.#clock.next()
    const headers = key === null ? {} : { 'Idempotency-Key': key }
    const answered = await sendRequest(this.#url, { method: 'POST', path: '/jobs', headers, body: jobBodyOf(work) })
    const outcome = this.#outcomeOf(answered)
    if (outcome !== null)
      this.submits.push({ ref, key, retryOf: null, body, webhookStates: webhookStatesOf(work), askedAt, outcome })
    return outcome
  }

  /** Submits until it is answered. Without a key it submits once, because another try might create a second job. */
  async submitted(work: Work, signal: AbortSignal): Promise<string | null> {
    while (!signal.aborted) {
      const outcome = await this.submit(work)
      if (outcome?.kind === 'accepted') return outcome.jobId
      if (outcome !== null && work.key === null) return null
      await pause(AGAIN_MS)
    }
    return null
  }

  async retry(jobId: string, work: Work): Promise<Submit['outcome'] | null> {
    const askedAt = this.#clock.next()
    const outcome = this.#outcomeOf(await sendRequest(this.#url, { method: 'POST', path: `/jobs/${jobId}/retry` }))
    const { ref, hash: body } = work
    if (outcome !== null) {
      this.submits.push({
        ...{ ref, key: null, retryOf: jobId, body, webhookStates: webhookStatesOf(work) },
        askedAt,
        outcome,
      })
    }
    return outcome
  }

  #outcomeOf(answered: HttpResult): Submit['outcome'] | null {
    if (answered.kind === 'nothing') return answered.why === 'refused' ? null : { kind: 'unknown' }
    const { status, body, ending } = answered
    // The job was accepted, but its id was in the part of the body that is missing.
    if (status === 202 && ending !== 'whole') return { kind: 'unknown' }
    if (status !== 202) return { kind: 'refused', status }
    const { job_id: jobId } = JSON.parse(body) as ReceiptDocument
    return { kind: 'accepted', jobId, at: this.#clock.next() }
  }

  /** Sends a waiting call. */
  async call({ ref, endpoint, body, hash }: Work, signal?: AbortSignal): Promise<void> {
    const askedAt = this.#clock.next()
    const hangUp = signal === undefined ? {} : { signal }
    const answered = await sendRequest(this.#url, { method: 'POST', path: endpoint, body, ...hangUp })
    if (answered.kind === 'nothing' && answered.why === 'refused') return
    const endedAt = this.#clock.next()
    const asked = { ref, body: hash, askedAt, endedAt }
    if (answered.kind === 'nothing') {
      const ending = answered.why === 'left' ? 'left' : 'cut'
      this.calls.push({ ...asked, jobId: null, status: null, isOwnError: false, heard: '', ending })
      return
    }
    const { status, headers, body: heard, ending } = answered
    const jobId = headers['x-foreman-job-id'] === undefined ? null : String(headers['x-foreman-job-id'])
    const isOwnError = headers['x-foreman-error'] !== undefined
    this.calls.push({ ...asked, jobId, status, isOwnError, heard, ending })
  }

  /** Returns null without an answer. */
  async read(jobId: string): Promise<JobDocument | null> {
    const askedAt = this.#clock.next()
    const job = await this.#document<JobDocument>(`/jobs/${jobId}`)
    if (job !== null) this.#note(job, askedAt)
    return job
  }

  async list(limit: number): Promise<void> {
    const askedAt = this.#clock.next()
    const list = await this.#document<JobListDocument>(`/jobs?limit=${limit}`)
    for (const job of list?.jobs ?? []) this.#note(job, askedAt)
  }

  /** Returns null without an answer. */
  async cancel(jobId: string): Promise<number | null> {
    const askedAt = this.#clock.next()
    // Recorded before it is sent, because it may take effect although its answer is lost.
    this.cancels.push({ jobId, askedAt })
    const answered = await sendRequest(this.#url, { method: 'POST', path: `/jobs/${jobId}/cancel` })
    if (answered.kind === 'nothing') return null
    if (answered.status === 200 && answered.ending === 'whole') {
      this.#note(JSON.parse(answered.body) as JobDocument, askedAt)
    }
    return answered.status
  }

  /** Watches the job until it ends, over several connections if necessary. `leaves`: whether the watcher disconnects now and reconnects. */
  async watch(jobId: string, signal: AbortSignal, leaves: (text: string) => boolean = () => false): Promise<void> {
    const parts: { after: number; events: readonly SeenEvent[]; ending: 'whole' | 'cut' | 'left' }[] = []
    this.watches.push({ jobId, parts })
    let after = 0
    for (let count = 0; count < MAX_PARTS && !signal.aborted; count++) {
      const left = new AbortController()
      const answered = await sendRequest(this.#url, {
        path: `/jobs/${jobId}/events?after=${after}`,
        signal: AbortSignal.any([signal, left.signal]),
        onData(text) {
          if (leaves(text)) left.abort()
        },
      })
      if (answered.kind === 'answered' && answered.status === 200) {
        const events = parseEvents(answered.body)
        parts.push({ after, events, ending: answered.ending })
        after = events.at(-1)?.number ?? after
        if (answered.ending === 'whole') return
      }
      await pause(AGAIN_MS)
    }
  }

  async #document<T>(path: string): Promise<T | null> {
    const answered = await sendRequest(this.#url, { path })
    if (answered.kind === 'nothing' || answered.status !== 200 || answered.ending !== 'whole') return null
    return JSON.parse(answered.body) as T
  }

  #note({ job_id: jobId, state, attempt, finished_at: finishedAt }: JobSummary, askedAt: LogicalTime): void {
    this.readings.push({ jobId, state, attempt, finishedAt, askedAt, answeredAt: this.#clock.next() })
  }
}
