// Tests of the relay between a run and its subscribers.

import { describe, expect, it } from 'vitest'
import { Relay, type Subscriber } from '../../src/daemon/runtime/relay.ts'

describe('the relay', () => {
  const listener = (over: Partial<Subscriber> = {}): Subscriber => ({
    head() {},
    data: () => true,
    ended() {},
    ...over,
  })
  it('resumes the target once if a slow subscriber can take more', () => {
    const relay = new Relay()
    const subscription = relay.open('a', listener({ data: () => false }))
    let resumed = 0
    expect(relay.data('a', Buffer.from('x'), () => resumed++)).toBe(false)
    subscription.drained()
    subscription.drained()
    expect(resumed).toBe(1)
  })
  it('resumes the target if a slow subscriber leaves', () => {
    const relay = new Relay()
    const subscription = relay.open('a', listener({ data: () => false }))
    let resumed = 0
    relay.data('a', Buffer.from('x'), () => resumed++)
    subscription.close()
    expect(resumed).toBe(1)
    expect(relay.isHeard('a')).toBe(false)
  })
  it('never pauses the target for a job without a subscriber', () => {
    expect(new Relay().data('a', Buffer.from('x'), () => undefined)).toBe(true)
  })
  it('rejects a second subscriber', () => {
    const relay = new Relay()
    relay.open('a', listener())
    expect(() => relay.open('a', listener())).toThrow('has a listener already')
  })
})
