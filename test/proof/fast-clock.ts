// Clock that runs faster than the machine's, so that backoffs of minutes fit into a short run. Its wall time continues across daemon
// starts: each start gets the same origin.

import type { Clock } from '../../src/daemon/runtime/clock.ts'

/** Plain values, so that a child process can receive them. */
export interface Pace {
  /** How many times faster. */
  readonly speed: number
  /** When the machine's clock shows `realAt`, this one shows `shownAt`. Wall ms. */
  readonly realAt: number
  readonly shownAt: number
}

export const wallOf = ({ speed, realAt, shownAt }: Pace, real: number = Date.now()): number =>
  Math.floor(shownAt + (real - realAt) * speed)

/** Returns a pace with another speed that continues from the current time. */
export function paceFromNow(pace: Pace, speed: number): Pace {
  const realAt = Date.now()
  return { speed, realAt, shownAt: wallOf(pace, realAt) }
}

export function createFastClock(pace: Pace): Clock {
  return {
    now: () => wallOf(pace),
    monotonic: () => performance.now() * pace.speed,
    after(ms, fn) {
      const handle = setTimeout(fn, Math.min(ms / pace.speed, 2_147_483_000))
      return { cancel: () => clearTimeout(handle) }
    },
  }
}
