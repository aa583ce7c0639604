// Owns what target and receiver do at random: mostly what is wanted, now and then what is not. Drawn from a seed.

import type { Chance } from './chance.ts'
import { type Mood, TAKES } from './watched-receiver.ts'
import { type Fate, WHOLE } from './watched-target.ts'

/** An answer that is too large to be shown inline, more than 256 KiB. */
const MANY_WORDS = 4_000

/** What becomes of each request at the target. `roughness`: the share of those that are answered badly. */
export function createFates(chance: Chance, roughness: number): () => Fate {
  return () => {
    const words = chance.happens(0.02) ? MANY_WORDS : chance.skewed(1, 40)
    const pauseMs = words === MANY_WORDS ? 0 : chance.whole(0, 2)
    const pace = {
      words,
      pauseMs,
      loadMs: chance.whole(1, 15),
      after: chance.whole(0, words),
      midRecord: chance.happens(0.5),
    }
    const kind = !chance.happens(roughness)
      ? 'whole'
      : chance.one(['cut', 'cut', 'cut', 'unmarked', 'error', 'http_error', 'busy', 'busy'] as const)
    return { ...WHOLE, ...pace, kind }
  }
}

/** What the receiver does with each webhook. It is down for whole stretches, and some work's receiver is gone for good. */
export function createMoods(chance: Chance): (ref: string) => Mood {
  let downFor = 0
  return (ref) => {
    if (ref.endsWith('-gone') && chance.happens(0.3)) return { answer: 410, afterMs: 0 }
    if (downFor > 0) {
      downFor -= 1
      return { answer: chance.happens(0.5) ? 'cut' : 503, afterMs: 0 }
    }
    if (chance.happens(0.01)) downFor = chance.whole(1, 20)
    const afterMs = chance.happens(0.1) ? chance.whole(1, 100) : 0
    return chance.happens(0.05)
      ? { answer: chance.one([500, 429, 302, 'cut'] as const), afterMs }
      : { ...TAKES, afterMs }
  }
}
