// Owns what foreman concludes about the embedder from what the target holds: is its pin gone, and can the target hold it
// beside a worker at all? Pure; one value replaced at each probe. A `keep_alive: -1` does not survive an eviction.

import { normaliseModel } from './affinity.ts'
import type { ResidentModel } from './target-status.ts'

export interface Pinning {
  /** The embedder is resident and pinned. */
  readonly pinned: boolean
  /** Evictions of the embedder seen since both were last seen together. */
  readonly evictions: number
  /** Both have been seen at once, some time. */
  readonly bothSeen: boolean
  /** The target holds only one of them: pinning again would start a swap war. */
  readonly slotsTooFew: boolean
}

export const NOT_PINNED: Pinning = { pinned: false, evictions: 0, bothSeen: false, slotsTooFew: false }

/** Ollama writes a pin as an expiry some 290 years ahead; anything that ends within ten years is none. */
const FAR_MS = 10 * 365 * 24 * 3_600_000

/** What the next probe makes of it. `resident` is /api/ps, `now` wall ms. */
export function pinningAfter(
  before: Pinning,
  embedModel: string,
  resident: readonly ResidentModel[],
  now: number,
): Pinning {
  const name = normaliseModel(embedModel)
  const embedder = resident.find((model) => normaliseModel(model.name) === name)
  const worker = resident.some((model) => normaliseModel(model.name) !== name)
  const pinned = embedder !== undefined && Date.parse(embedder.expiresAt) - now > FAR_MS
  if (embedder !== undefined && worker) return { pinned, evictions: 0, bothSeen: true, slotsTooFew: false }
  const evicted = before.pinned && embedder === undefined && worker
  const evictions = before.evictions + (evicted ? 1 : 0)
  // Where both have been held before, one eviction may be one large model; twice in a row is the rule.
  const slotsTooFew = before.slotsTooFew || evictions > (before.bothSeen ? 1 : 0)
  return { pinned, evictions, bothSeen: before.bothSeen, slotsTooFew }
}
