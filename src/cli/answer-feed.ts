// Record counter of the running job for `foreman top`. It reads at most one event stream and keeps no text.

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
        if (event.type === 'record') rate.count()
        else if (event.state === 'queued') rate.restart()
      }
    } catch {
      // The next status request shows what is wrong. If the job still runs, `follow` starts again.
      if (!signal.aborted && this.#jobId === jobId) this.#jobId = null
    }
  }
}
