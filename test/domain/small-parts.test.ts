// Backoff, admission, the awake clock, the relay and the retry rules: small pure promises.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../src/daemon/domain/backoff.ts'
import { admit, retryAfterSeconds } from '../../src/daemon/domain/job.ts'
import { readIdempotencyKey, saysItIsARetry } from '../../src/daemon/http/retry.ts'
import { Relay, type Subscriber } from '../../src/daemon/runtime/relay.ts'

describe('backoff', () => {
  it('is 1, 2, 4 s … up to a minute', () => {
    expect([1, 2, 3, 4, 7, 50].map((tries) => backoffMs(tries, 0.5))).toEqual([1e3, 2e3, 4e3, 8e3, 6e4, 6e4])
  })
  it('jitters by a fifth at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (tries, random) => {
        const middle = backoffMs(tries, 0.5)
        const ms = backoffMs(tries, random)
        return ms >= middle * 0.8 - 1 && ms <= middle * 1.2 + 1
      }),
    )
  })
})

describe('the queue', () => {
  const limits = { maxQueue: 2, maxQueueBytes: 100 }
  it('takes a job while there is room', () => expect(admit(50, { jobs: 1, bytes: 50 }, limits)).toBe('admitted'))
  it('refuses one job too many', () => expect(admit(1, { jobs: 2, bytes: 2 }, limits)).toBe('queue_full'))
  it('refuses one byte too many', () => expect(admit(51, { jobs: 1, bytes: 50 }, limits)).toBe('queue_full'))
  it('takes one large body when nothing waits', () =>
    expect(admit(500, { jobs: 0, bytes: 0 }, limits)).toBe('admitted'))
  it('says when a place is likely to be free', () => {
    expect(retryAfterSeconds({ jobs: 2, bytes: 0 }, limits, null)).toBe(10)
    expect(retryAfterSeconds({ jobs: 2, bytes: 0 }, limits, 2_500)).toBe(3)
    expect(retryAfterSeconds({ jobs: 2, bytes: 0 }, limits, 10)).toBe(1)
    expect(retryAfterSeconds({ jobs: 2, bytes: 0 }, limits, 1e9)).toBe(600)
  })
})

describe('the relay', () => {
  const listener = (over: Partial<Subscriber> = {}): Subscriber => ({
    head() {},
    data: () => true,
    ended() {},
    ...over,
  })
  it('resumes the target once when a slow listener can take more', () => {
    const relay = new Relay()
    const subscription = relay.open('a', listener({ data: () => false }))
    let resumed = 0
    expect(relay.data('a', Buffer.from('x'), () => resumed++)).toBe(false)
    subscription.drained()
    subscription.drained()
    expect(resumed).toBe(1)
  })
  it('resumes the target when a slow listener leaves', () => {
    const relay = new Relay()
    const subscription = relay.open('a', listener({ data: () => false }))
    let resumed = 0
    relay.data('a', Buffer.from('x'), () => resumed++)
    subscription.close()
    expect(resumed).toBe(1)
    expect(relay.isHeard('a')).toBe(false)
  })
  it('never holds the target back for a job that nobody hears', () => {
    expect(new Relay().data('a', Buffer.from('x'), () => undefined)).toBe(true)
  })
  it('refuses a second listener', () => {
    const relay = new Relay()
    relay.open('a', listener())
    expect(() => relay.open('a', listener())).toThrow('has a listener already')
  })
})

describe('a retry', () => {
  it.each([
    ['1', true],
    ['2', true],
    ['0', false],
    ['-1', false],
    ['x', false],
    [undefined, false],
  ])('with x-stainless-retry-count %s says it is one: %s', (count, says) => {
    expect(saysItIsARetry(count === undefined ? {} : { 'x-stainless-retry-count': count })).toBe(says)
  })
  it.each([
    ['a', 'key'],
    ['k'.repeat(255), 'key'],
    ['k'.repeat(256), 'invalid'],
    ['', 'invalid'],
    ['two, keys', 'invalid'],
    ['ümlaut', 'invalid'],
  ])('with Idempotency-Key %j: %s', (key, kind) => {
    expect(readIdempotencyKey({ 'idempotency-key': key }).kind).toBe(kind)
  })
})
