import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { CallDeadline } from '../../src/client/call-deadline.ts'
import { ClientTimers } from './scripted-foreman.ts'

describe('a sleep of a call', () => {
  it('that was woken earlier ends at once, once', async () => {
    const timers = new ClientTimers()
    const deadline = new CallDeadline(undefined)
    deadline.wake()
    await deadline.sleep(60_000)
    const second = deadline.sleep(60_000)
    expect(timers.delays).toEqual([60_000])
    deadline.wake()
    await second
    const third = deadline.sleep(60_000)
    expect(timers.delays).toEqual([60_000])
    timers.fire(60_000)
    await third
  })

  it('leaves no timer and no listener, however it ends', async () => {
    const timers = new ClientTimers()
    const controller = new AbortController()
    const deadline = new CallDeadline(controller.signal, 86_400_000, () => new Error('late'))
    const woken = deadline.sleep(60_000)
    deadline.wake()
    await woken
    const late = deadline.sleep(60_000)
    timers.fire(60_000)
    await late
    const aborted = deadline.sleep(60_000)
    controller.abort('enough')
    await expect(aborted).rejects.toBe('enough')
    await expect(deadline.sleep(60_000)).rejects.toBe('enough')
    deadline.dispose()
    expect(deadline.isDisposed).toBe(false)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(getEventListeners(deadline.signal, 'abort')).toEqual([])
    expect(timers.delays).toEqual([])
  })
})
