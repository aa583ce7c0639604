// The wait for a job's end: true at its end, false at the end of the wait, and nothing of it is left in either case.

import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import type { Job, State } from '../../src/daemon/domain/job.ts'
import type { HttpContext } from '../../src/daemon/http/context.ts'
import { waitForEnd } from '../../src/daemon/http/jobs/prefer-wait.ts'
import { Relay } from '../../src/daemon/runtime/relay.ts'
import { TestClock } from '../test-clock.ts'

const ID = '01KAJ5Z0000000000000000000'

/** A wait of `ms` for a job in `state`. If `state` is null, the job does not exist. */
function wait(ms: number, state: State | null) {
  const clock = new TestClock()
  const relay = new Relay()
  const world = { phase: 'ready', state, looks: 0, onLook: () => {} }
  const store = {
    async get() {
      world.looks += 1
      await Promise.resolve()
      const seen = world.state === null ? null : ({ state: world.state } as Job)
      world.onLook()
      return seen
    },
  }
  const app = {
    ...{ clock, relay, store },
    get phase() {
      return world.phase
    },
  } as unknown as HttpContext
  const res = Object.assign(new EventEmitter(), { destroyed: false })
  const change = (to: State): void => {
    world.state = to
    relay.changed(ID, { number: 2, state: to, previous: 'queued', attempt: 1, at: 0, error: null })
  }
  const isOver = waitForEnd(app, ID, ms, res as unknown as ServerResponse)
  const left = () => ({ timers: clock.timers, watchers: relay.watchers, listeners: res.listenerCount('close') })
  return { isOver, clock, world, res, change, left }
}

const NOTHING = { timers: 0, watchers: 0, listeners: 0 }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the wait for a job that', () => {
  test.each(['done', 'failed', 'cancelled'] as const)('is already %s ends at once', async (state) => {
    const { isOver, left } = wait(30_000, state)
    expect(await isOver).toBe(true)
    expect(left()).toEqual(NOTHING)
  })

  test.each(['done', 'failed', 'cancelled'] as const)('becomes %s ends then', async (state) => {
    const { isOver, change, left } = wait(30_000, 'queued')
    await turn()
    expect(left()).toEqual({ timers: 1, watchers: 1, listeners: 1 })
    change('loading')
    change('queued')
    change('working')
    await turn()
    expect(left().watchers).toBe(1)
    change(state)
    expect(await isOver).toBe(true)
    expect(left()).toEqual(NOTHING)
  })

  test('ends during the look-up is not missed', async () => {
    const { isOver, world, change, left } = wait(30_000, 'working')
    world.onLook = () => {
      world.onLook = () => {}
      change('done')
    }
    expect(await isOver).toBe(true)
    expect(left()).toEqual(NOTHING)
  })

  test('keeps running ends after the given time', async () => {
    const { isOver, clock, left } = wait(30_000, 'working')
    await clock.advanceSoftly(29_999)
    expect(left().watchers).toBe(1)
    await clock.advanceSoftly(1)
    expect(await isOver).toBe(false)
    expect(left()).toEqual(NOTHING)
  })

  test('does not exist ends at once', async () => {
    const { isOver, left } = wait(30_000, null)
    expect(await isOver).toBe(false)
    expect(left()).toEqual(NOTHING)
  })

  test('is deleted meanwhile ends after the given time at the latest', async () => {
    const { isOver, world, clock } = wait(1_000, 'working')
    await turn()
    world.state = null
    await clock.advanceSoftly(1_000)
    expect(await isOver).toBe(false)
  })

  test('has a wait time of zero only looks it up', async () => {
    const { isOver, world, left } = wait(0, 'working')
    expect(await isOver).toBe(false)
    expect(world.looks).toBe(1)
    expect(left()).toEqual(NOTHING)
  })

  test('has no waiting caller any more ends at once', async () => {
    const { isOver, res, left } = wait(30_000, 'working')
    await turn()
    res.destroyed = true
    res.emit('close')
    expect(await isOver).toBe(false)
    expect(left()).toEqual(NOTHING)
  })

  test('will not end before foreman stops ends within half a second of the stop', async () => {
    const { isOver, world, clock, left } = wait(30_000, 'working')
    await clock.advanceSoftly(1_200)
    world.phase = 'stopping'
    await clock.advanceSoftly(500)
    expect(await isOver).toBe(false)
    expect(left()).toEqual(NOTHING)
  })
})
