// Owns the first witness: clients that submit, call, read, cancel and look on, and write down what they were told, and when.
// They know that the daemon may die at any moment; they judge nothing.

import type { JobDocument, JobListDocument, JobSummary, ReceiptDocument } from '../../src/protocol/wire.ts'
import { heardIn } from './event-text.ts'
import type { Call, Cancel, Heard, Moment, Reading, Submit, Watch } from './history.ts'
import { type Answered, ask } from './line.ts'
import type { Moments } from './moments.ts'
import { jobBodyOf, toldOf, type Work } from './work.ts'

/** How long a client waits before it asks a daemon again that is not there. */
const AGAIN_MS = 50
/** A watcher who gets nowhere for so long gives up; the drain is over long before. */
const MOST_PARTS = 2_000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class WatchedClients {
  readonly submits: Submit[] = []
  readonly calls: Call[] = []
  readonly readings: Reading[] = []
  readonly cancels: Cancel[] = []
  readonly watches: Watch[] = []
  readonly #url: string
  readonly #moments: Moments

  constructor(url: string, moments: Moments) {
    this.#url = url
    this.#moments = moments
  }

  /** One try. Null: nobody listens, and nothing was asked. */
  async submit(work: Work): Promise<Submit['outcome'] | null> {
    const { ref, key, hash: body } = work
    const askedAt = this.#moments.next()
    const headers = key === null ? {} : { 'Idempotency-Key': key }
    const answered = await ask(this.#url, { method: 'POST', path: '/jobs', headers, body: jobBodyOf(work) })
    const outcome = this.#outcomeOf(answered)
    if (outcome !== null) this.submits.push({ ref, key, retryOf: null, body, told: toldOf(work), askedAt, outcome })
    return outcome
  }

  /** Until it is answered. Work without a key is asked once: who does not know must not ask again. */
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
    const askedAt = this.#moments.next()
    const outcome = this.#outcomeOf(await ask(this.#url, { method: 'POST', path: `/jobs/${jobId}/retry` }))
    const { ref, hash: body } = work
    if (outcome !== null) {
      this.submits.push({ ...{ ref, key: null, retryOf: jobId, body, told: toldOf(work) }, askedAt, outcome })
    }
    return outcome
  }

  #outcomeOf(answered: Answered): Submit['outcome'] | null {
    if (answered.kind === 'nothing') return answered.why === 'refused' ? null : { kind: 'unknown' }
    const { status, body, ending } = answered
    // The status says that it was taken; whose it is stands in the body.
    if (status === 202 && ending !== 'whole') return { kind: 'unknown' }
    if (status !== 202) return { kind: 'refused', status }
    const { job_id: jobId } = JSON.parse(body) as ReceiptDocument
    return { kind: 'accepted', jobId, at: this.#moments.next() }
  }

  /** A blocked call. */
  async call({ ref, endpoint, body, hash }: Work, signal?: AbortSignal): Promise<void> {
    const askedAt = this.#moments.next()
    const hangUp = signal === undefined ? {} : { signal }
    const answered = await ask(this.#url, { method: 'POST', path: endpoint, body, ...hangUp })
    if (answered.kind === 'nothing' && answered.why === 'refused') return
    const endedAt = this.#moments.next()
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

  /** Null: no answer. */
  async read(jobId: string): Promise<JobDocument | null> {
    const askedAt = this.#moments.next()
    const job = await this.#document<JobDocument>(`/jobs/${jobId}`)
    if (job !== null) this.#note(job, askedAt)
    return job
  }

  async list(limit: number): Promise<void> {
    const askedAt = this.#moments.next()
    const list = await this.#document<JobListDocument>(`/jobs?limit=${limit}`)
    for (const job of list?.jobs ?? []) this.#note(job, askedAt)
  }

  /** Null: no answer. */
  async cancel(jobId: string): Promise<number | null> {
    const askedAt = this.#moments.next()
    // Noted before it is asked: it may work, and its answer be lost.
    this.cancels.push({ jobId, askedAt })
    const answered = await ask(this.#url, { method: 'POST', path: `/jobs/${jobId}/cancel` })
    if (answered.kind === 'nothing') return null
    if (answered.status === 200 && answered.ending === 'whole') {
      this.#note(JSON.parse(answered.body) as JobDocument, askedAt)
    }
    return answered.status
  }

  /** Looks on until the job is over, over as many connections as it takes. `leaves`: whether he goes, and comes back, now. */
  async watch(jobId: string, signal: AbortSignal, leaves: (text: string) => boolean = () => false): Promise<void> {
    const parts: { after: number; events: readonly Heard[]; ending: 'whole' | 'cut' | 'left' }[] = []
    this.watches.push({ jobId, parts })
    let after = 0
    for (let count = 0; count < MOST_PARTS && !signal.aborted; count++) {
      const left = new AbortController()
      const answered = await ask(this.#url, {
        path: `/jobs/${jobId}/events?after=${after}`,
        signal: AbortSignal.any([signal, left.signal]),
        onData(text) {
          if (leaves(text)) left.abort()
        },
      })
      if (answered.kind === 'answered' && answered.status === 200) {
        const events = heardIn(answered.body)
        parts.push({ after, events, ending: answered.ending })
        after = events.at(-1)?.number ?? after
        if (answered.ending === 'whole') return
      }
      await pause(AGAIN_MS)
    }
  }

  async #document<T>(path: string): Promise<T | null> {
    const answered = await ask(this.#url, { path })
    if (answered.kind === 'nothing' || answered.status !== 200 || answered.ending !== 'whole') return null
    return JSON.parse(answered.body) as T
  }

  #note({ job_id: jobId, state, attempt, finished_at: finishedAt }: JobSummary, askedAt: Moment): void {
    this.readings.push({ jobId, state, attempt, finishedAt, askedAt, answeredAt: this.#moments.next() })
  }
}
