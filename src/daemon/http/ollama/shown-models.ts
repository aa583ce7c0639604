// Kept answers of `/api/show`: at most 64, and 8 MiB of bodies.

import type { AnswerHeaders } from '../../domain/endpoint.ts'

export interface KeptAnswer {
  readonly headers: AnswerHeaders
  readonly body: Buffer
  /** Clock.monotonic(). */
  readonly at: number
}

const MAX_ENTRIES = 64
export const MAX_KEPT_BYTES = 8 * 1024 * 1024
/** The kept answers, least recently used first. */
export class ShownModels {
  readonly #kept = new Map<string, KeptAnswer>()
  #bytes = 0

  get(key: string): KeptAnswer | null {
    const kept = this.#kept.get(key)
    if (kept === undefined) return null
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return kept
  }

  keep(key: string, kept: KeptAnswer): void {
    this.#drop(key)
    if (kept.body.length > MAX_KEPT_BYTES) return
    this.#kept.set(key, kept)
    this.#bytes += kept.body.length
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_ENTRIES && this.#bytes <= MAX_KEPT_BYTES) break
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.body.length ?? 0
    this.#kept.delete(key)
  }
}
