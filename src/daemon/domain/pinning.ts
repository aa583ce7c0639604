// Pinning of the embedder: whether it is still pinned, and whether the target can hold it together with a worker. Pure;
// the value is replaced at each probe. A `keep_alive: -1` does not survive an eviction.

import { normaliseModel } from './affinity.ts'
import type { ResidentModel } from './target-status.ts'

export interface Pinning {
  /** The embedder is resident and pinned. */
  readonly pinned: boolean
  /** Evictions of the embedder since both were last resident together. */
  readonly evictions: number
  /** Both have been resident at the same time at least once. */
  readonly bothSeen: boolean
  /** The target can hold only one of them: pinning the embedder again would make them evict each other in turn. */
  readonly slotsTooFew: boolean
}

export const NOT_PINNED: Pinning = { pinned: false, evictions: 0, bothSeen: false, slotsTooFew: false }

/** Ollama shows a pin as an expiry about 290 years ahead. An expiry within ten years is not a pin. */
const FAR_MS = 10 * 365 * 24 * 3_600_000

/** Returns the value after a probe. `resident`: the models of /api/ps; `now`: wall ms. */
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
  // If both were resident together before, one eviction may be due to one large model; two in a row show a lack of
  // slots.
  const slotsTooFew = before.slotsTooFew || evictions > (before.bothSeen ? 1 : 0)
  return { pinned, evictions, bothSeen: before.bothSeen, slotsTooFew }
}
