import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WaitSignal } from '../../src/client/wait-signal.ts'
import { ClientTimers } from './scripted-foreman.ts'

describe('a wakeup', () => {
  it('that was woken earlier ends the next wait at once, once', async () => {
    const timers = new ClientTimers()
    const { signal } = new AbortController()
    const wakeup = new WaitSignal()
    wakeup.set()
    await wakeup.wait(60_000, signal)
    const second = wakeup.wait(60_000, signal)
    expect(timers.delays).toEqual([60_000])
    wakeup.set()
    await second
    const third = wakeup.wait(60_000, signal)
    expect(timers.delays).toEqual([60_000])
    timers.fire(60_000)
    await third
  })

  it('leaves no timer and no listener, however the wait ends', async () => {
    const timers = new ClientTimers()
    const controller = new AbortController()
    const wakeup = new WaitSignal()
    const rung = wakeup.wait(60_000, controller.signal)
    wakeup.set()
    await rung
    const late = wakeup.wait(60_000, controller.signal)
    timers.fire(60_000)
    await late
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    const given = wakeup.wait(60_000, controller.signal)
    controller.abort('enough')
    await expect(given).rejects.toBe('enough')
    await expect(wakeup.wait(60_000, controller.signal)).rejects.toBe('enough')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(timers.delays).toEqual([])
  })
})
