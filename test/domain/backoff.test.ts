// Tests of the backoff between attempts.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../src/daemon/domain/backoff.ts'

describe('backoff', () => {
  it('is 1, 2, 4 s … up to a minute', () => {
    expect([1, 2, 3, 4, 7, 50].map((tries) => backoffMs(tries, 0.5))).toEqual([1e3, 2e3, 4e3, 8e3, 6e4, 6e4])
  })
  it('has a jitter of at most a fifth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (tries, random) => {
        const middle = backoffMs(tries, 0.5)
        const ms = backoffMs(tries, random)
        return ms >= middle * 0.8 - 1 && ms <= middle * 1.2 + 1
      }),
    )
  })
})
