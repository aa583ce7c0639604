// Idempotency-Keys of submits with an unknown outcome: foreman may have the job, but its receipt was lost. The next call with the
// same body takes over the key, so that a retry of the SDK never makes a second job.

const MAX_AGE_MS = 120_000
const MOST = 16

export class UnclaimedKeys {
  readonly #keys = new Map<string, { readonly key: string; readonly at: number }>()

  /** Taken once: of two calls that ask the same, each has a job of its own. */
  take(body: string): string | undefined {
    const found = this.#keys.get(body)
    this.#keys.delete(body)
    return found !== undefined && performance.now() - found.at < MAX_AGE_MS ? found.key : undefined
  }

  keep(body: string, key: string): void {
    this.#keys.set(body, { key, at: performance.now() })
    const [oldest] = this.#keys.keys()
    if (this.#keys.size > MOST && oldest !== undefined) this.#keys.delete(oldest)
  }
}
