// Records per second of the running job, for `foreman top`. It reads at most one event stream and keeps no text.

import type { ForemanClient } from '../client/index.ts'

const WINDOW_MS = 5_000
/** A shorter window gives no useful rate. */
const MIN_MS = 900

/**
 * Rate of an answer in records per second over the last seconds. Records before the first look do not count, because a
 * stream that is joined late brings all earlier records at once.
 */
export class TokenRate {
  #looks: { readonly at: number; readonly records: number }[] = []
  /** Counted by the reader of the stream. */
  records = 0

  /** Starts again, because the answer so far is void. */
  restart(): void {
    this.#looks = []
    this.records = 0
  }

  /** Records per second up to `now` (monotonic milliseconds); null while unknown. Each call adds a sample. */
  perSecond(now: number): number | null {
    this.#looks.push({ at: now, records: this.records })
    while (this.#looks.length > 2 && (this.#looks[1]?.at ?? now) <= now - WINDOW_MS) this.#looks.shift()
    const first = this.#looks[0]
    if (first === undefined || now - first.at < MIN_MS) return null
    return ((this.records - first.records) * 1000) / (now - first.at)
  }
}

export class AnswerFeed {
  readonly #client: ForemanClient
  #jobId: string | null = null
  #rate = new TokenRate()
  #listening = new AbortController()

  constructor(client: ForemanClient) {
    this.#client = client
  }

  /** Starts counting for this job; null if none is running. */
  follow(jobId: string | null): void {
    if (jobId === this.#jobId) return
    this.close()
    this.#jobId = jobId
    if (jobId === null) return
    this.#listening = new AbortController()
    void this.#count(jobId, this.#rate, this.#listening.signal)
  }

  look(now: number): { readonly records: number; readonly perSecond: number | null } {
    return { records: this.#rate.records, perSecond: this.#rate.perSecond(now) }
  }

  /** Safe to call twice. */
  close(): void {
    this.#listening.abort()
    this.#rate = new TokenRate()
    this.#jobId = null
  }

  async #count(jobId: string, rate: TokenRate, signal: AbortSignal): Promise<void> {
    try {
      for await (const event of this.#client.job(jobId).events({ signal })) {
        if (event.type === 'record') rate.records++
        else if (event.state === 'queued') rate.restart()
      }
    } catch {
      // The next status request shows what is wrong. If the job still runs, `follow` starts again.
      if (!signal.aborted && this.#jobId === jobId) this.#jobId = null
    }
  }
}
