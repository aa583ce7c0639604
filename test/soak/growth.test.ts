// Tests of the check whether a soak's samples grow.

import { describe, expect, it } from 'vitest'
import { growthOf, isLogBounded, type Sample } from './growth.ts'

const FLAT: Sample = { seconds: 0, heap: 24, external: 9, resident: 150, file: 20, log: 4, cpuSeconds: 0 }

/** Sixty samples, one a minute. */
const samplesOf = (at: (minute: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: 60 }, (_, n) => ({ ...FLAT, seconds: 60 * (n + 1), ...at(n + 1) }))

const growing = (samples: readonly Sample[]): string[] =>
  growthOf(samples)
    .filter(({ isFlat }) => !isFlat)
    .map(({ measure }) => measure)

describe('the result of a soak test', () => {
  it('is flat if all measures wander around one value', () => {
    expect(growing(samplesOf((minute) => ({ heap: 24 + (minute % 3), resident: 150 + (minute % 7) })))).toEqual([])
  })

  it('ignores growth within the first third', () => {
    expect(growing(samplesOf((minute) => ({ file: Math.min(20, minute), resident: minute < 20 ? 90 : 150 })))).toEqual(
      [],
    )
  })

  it.each(['heap', 'external', 'resident', 'file'] as const)('is growth if %s gains one MiB a minute', (measure) => {
    expect(growing(samplesOf((minute) => ({ [measure]: FLAT[measure] + minute })))).toEqual([measure])
  })

  it('is growth if the log of SQLite exceeds its limit once', () => {
    expect(isLogBounded(samplesOf(() => ({})))).toBe(true)
    expect(isLogBounded(samplesOf((minute) => ({ log: minute === 30 ? 200 : 4 })))).toBe(false)
  })
})
