// Seeded schedule of faults: how the target answers each request and the receiver each webhook.

import type { SeededRandom } from './seeded-random.ts'
import { ACCEPTS, type ReceiverResponse } from './watched-receiver.ts'
import { NO_FAULT, type TargetFault } from './watched-target.ts'

/** Gives an answer that is too large to be shown inline (more than 256 KiB). */
const MANY_WORDS = 4_000

/** @param faultShare share of requests that the target does not answer normally */
export function createTargetFaults(random: SeededRandom, faultShare: number): () => TargetFault {
  return () => {
    const words = random.happens(0.02) ? MANY_WORDS : random.skewed(1, 40)
    const pauseMs = words === MANY_WORDS ? 0 : random.integer(0, 2)
    const pace = {
      words,
      pauseMs,
      loadMs: random.integer(1, 15),
      after: random.integer(0, words),
      midRecord: random.happens(0.5),
    }
    const kind = !random.happens(faultShare)
      ? 'whole'
      : random.pick(['cut', 'cut', 'cut', 'unmarked', 'error', 'http_error', 'busy', 'busy'] as const)
    return { ...NO_FAULT, ...pace, kind }
  }
}

/** Responses of the receiver. It is sometimes down for several webhooks in a row, and answers 410 for some requests. */
export function createReceiverResponses(random: SeededRandom): (ref: string) => ReceiverResponse {
  let downFor = 0
  return (ref) => {
    if (ref.endsWith('-gone') && random.happens(0.3)) return { answer: 410, afterMs: 0 }
    if (downFor > 0) {
      downFor -= 1
      return { answer: random.happens(0.5) ? 'cut' : 503, afterMs: 0 }
    }
    if (random.happens(0.01)) downFor = random.integer(1, 20)
    const afterMs = random.happens(0.1) ? random.integer(1, 100) : 0
    return random.happens(0.05)
      ? { answer: random.pick([500, 429, 302, 'cut'] as const), afterMs }
      : { ...ACCEPTS, afterMs }
  }
}
