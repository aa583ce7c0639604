// Owns the counting of the running job's records for `foreman top`: one stream of events at most, of the job that runs now.
// It keeps numbers and no text.

import type { ForemanClient } from '../client/index.ts'
import { TokenRate } from './token-rate.ts'

export class AnswerFeed {
  readonly #client: ForemanClient
  #jobId: string | null = null
  #rate = new TokenRate()
  #listening = new AbortController()

  constructor(client: ForemanClient) {
    this.#client = client
  }

  /** Counts for this job from now on; null: none runs. */
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

  /** Safe twice. */
  close(): void {
    this.#listening.abort()
    this.#rate = new TokenRate()
    this.#jobId = null
  }

  async #count(jobId: string, rate: TokenRate, signal: AbortSignal): Promise<void> {
    try {
      for await (const event of this.#client.job(jobId).events({ signal })) {
        if (event.type === 'record') rate.count()
        else if (event.state === 'queued') rate.restart()
      }
    } catch {
      // Nobody counts then; the next look at the status says what is wrong. Listened to again, if it still runs.
      if (!signal.aborted && this.#jobId === jobId) this.#jobId = null
    }
  }
}
