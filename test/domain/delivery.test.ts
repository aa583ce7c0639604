// Table of the outcomes of a delivery attempt, and the schedule of the attempts.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DeliveryOutcome, decideDelivery as decideTry, RETRY_MS } from '../../src/daemon/domain/delivery.ts'

const NOW = Date.UTC(2026, 0, 6, 12)
const answered = (status: number, retryAfter: string | null = null): DeliveryOutcome => ({
  kind: 'answered',
  status,
  retryAfter,
})
const decideDelivery = (outcome: DeliveryOutcome, tries: number, now: number, random: number, isLastEvent = true) =>
  decideTry({ outcome, tries, isLastEvent }, now, random)
const afterMs = (outcome: DeliveryOutcome, tries = 0, random = 0.5, isLastEvent = true): number | string => {
  const verdict = decideDelivery(outcome, tries, NOW, random, isLastEvent)
  return verdict.kind === 'again' ? verdict.at - NOW : verdict.kind
}

describe('a delivery try', () => {
  it.each([200, 201, 202, 204, 299])('answered with %i is delivered', (status) => {
    expect(decideDelivery(answered(status), 3, NOW, 0.5)).toEqual({ kind: 'delivered' })
  })
  it.each([300, 301, 302, 307, 308, 400, 401, 404, 409, 429, 500, 502, 503, 599])(
    'answered with %i has failed',
    (status) => {
      expect(decideDelivery(answered(status), 0, NOW, 0.5)).toEqual({
        kind: 'again',
        at: NOW + 1_000,
        reason: 'not_accepted',
      })
    },
  )
  it('answered with 410 stops the deliveries of its job, at any try', () => {
    for (const tries of [0, 5, 10]) expect(decideDelivery(answered(410), tries, NOW, 0.5)).toEqual({ kind: 'stopped' })
  })
  it.each(['unreachable', 'timeout'] as const)('that was %s is repeated', (kind) => {
    expect(decideDelivery({ kind }, 0, NOW, 0.5)).toEqual({ kind: 'again', at: NOW + 1_000, reason: kind })
  })
  it('is repeated if a resolved address was refused, and given up if its URL was', () => {
    const reason = 'refused_address'
    expect(decideDelivery({ kind: reason, isLasting: false }, 0, NOW, 0.5)).toMatchObject({ kind: 'again', reason })
    expect(decideDelivery({ kind: reason, isLasting: true }, 0, NOW, 0.5)).toEqual({ kind: 'given_up', reason })
  })
})

describe('the delivery schedule', () => {
  it('is 1, 2, 4, 8, 16 s, 1 m, 5 m, 30 m, 2 h and 6 h, and then it is given up', () => {
    const waits = Array.from({ length: 12 }, (_, tries) => afterMs(answered(500), tries))
    const [s, m, h] = [1_000, 60_000, 3_600_000]
    const scheduled = [s, 2 * s, 4 * s, 8 * s, 16 * s, m, 5 * m, 30 * m, 2 * h, 6 * h]
    expect(waits).toEqual([...scheduled, 'given_up', 'given_up'])
  })
  it('gives the reason at its end', () => {
    expect(decideDelivery({ kind: 'timeout' }, RETRY_MS.length, NOW, 0.5)).toEqual({
      kind: 'given_up',
      reason: 'timeout',
    })
  })
  it('has a jitter of at most a fifth in both directions', () => {
    expect(afterMs(answered(500), 5, 0)).toBe(48_000)
    expect(afterMs(answered(500), 5, 0.999_999)).toBe(72_000)
    fc.assert(
      fc.property(fc.nat(9), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (tries, random) => {
        const wait = Number(afterMs(answered(500), tries, random))
        const middle = RETRY_MS[tries] ?? 0
        return wait >= middle * 0.8 - 1 && wait <= middle * 1.2 + 1
      }),
    )
  })
})

describe('Retry-After', () => {
  it.each([
    ['seconds', '120', 120_000],
    ['spaces around them', ' 30 ', 30_000],
    ['a date', 'Tue, 06 Jan 2026 12:10:00 GMT', 600_000],
    ['a date of the old form', 'Tuesday, 06-Jan-26 12:10:00 GMT', 600_000],
    ['a date of asctime', 'Tue Jan  6 12:10:00 2026 GMT', 600_000],
    ['more than an hour', '86400', 3_600_000],
    ['a number beyond all numbers', '9'.repeat(400), 3_600_000],
    ['a date in another century', 'Wed, 06 Jan 2126 12:10:00 GMT', 3_600_000],
    ['less than the schedule', '0', 1_000],
    ['the past', 'Mon, 05 Jan 2026 12:10:00 GMT', 1_000],
    ['a negative number', '-5', 1_000],
    ['a fraction', '2.5', 1_000],
    ['garbage', 'soon', 1_000],
    ['a weekday and garbage', 'Tue, soon', 1_000],
    ['nothing', '', 1_000],
  ])('of %s is honoured up to an hour, never below the schedule', (_name, header, ms) => {
    expect(afterMs(answered(503, header))).toBe(ms)
  })
  it('does not add a try', () => {
    expect(afterMs(answered(503, '10'), RETRY_MS.length)).toBe('given_up')
  })
})

describe('a webhook before the last one of its job', () => {
  const waits = (status: number, header: string | null = null) =>
    Array.from({ length: 11 }, (_, tries) => afterMs(answered(status, header), tries, 0.5, false))
  it.each([400, 401, 403, 404, 405, 413, 422, 451, 499])('is given up after three answers of %i', (status) => {
    expect(waits(status).slice(0, 3)).toEqual([1_000, 2_000, 'given_up'])
    expect(waits(status, '3600').slice(0, 3)).toEqual([1_000, 2_000, 'given_up'])
  })
  it.each([300, 302, 408, 409, 425, 429, 500, 503])('keeps the whole schedule after a %i', (status) => {
    expect(waits(status)).toEqual([...RETRY_MS, 'given_up'])
  })
  it('keeps the whole schedule while its receiver cannot be reached', () => {
    for (const kind of ['unreachable', 'timeout'] as const) expect(afterMs({ kind }, 9, 0.5, false)).toBe(RETRY_MS[9])
  })
  it('stops the webhooks of its job if it is answered with 410', () => {
    expect(afterMs(answered(410), 0, 0.5, false)).toBe('stopped')
  })
})
