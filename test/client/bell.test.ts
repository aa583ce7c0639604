import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Bell } from '../../src/client/bell.ts'
import { ClientTimers } from './scripted-foreman.ts'

describe('a bell', () => {
  it('that was rung before is heard at once, and once', async () => {
    const timers = new ClientTimers()
    const { signal } = new AbortController()
    const bell = new Bell()
    bell.ring()
    await bell.heard(60_000, signal)
    const second = bell.heard(60_000, signal)
    expect(timers.delays).toEqual([60_000])
    bell.ring()
    await second
    const third = bell.heard(60_000, signal)
    expect(timers.delays).toEqual([60_000])
    timers.fire(60_000)
    await third
  })

  it('leaves no timer and no listener, however it ends', async () => {
    const timers = new ClientTimers()
    const controller = new AbortController()
    const bell = new Bell()
    const rung = bell.heard(60_000, controller.signal)
    bell.ring()
    await rung
    const late = bell.heard(60_000, controller.signal)
    timers.fire(60_000)
    await late
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    const given = bell.heard(60_000, controller.signal)
    controller.abort('enough')
    await expect(given).rejects.toBe('enough')
    await expect(bell.heard(60_000, controller.signal)).rejects.toBe('enough')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(timers.delays).toEqual([])
  })
})
