// When a deadline passes, its job is ended: on time, after a sleep, after a broken look; and only then.

import { describe, expect, test } from 'vitest'
import { createLog } from '../../../src/daemon/runtime/log.ts'
import { Deadlines } from '../../../src/daemon/services/deadlines.ts'
import type { Overdue } from '../../../src/daemon/sqlite/store.ts'
import { configFor, until } from '../../harness.ts'
import { TestClock } from '../../test-clock.ts'

const DAY = 24 * 3_600_000

interface Wish {
  readonly id: string
  readonly at: number
  readonly code: Overdue['code']
}

/** The loop in front of a list of deadlines that stands in for the store; what is ended leaves the list. */
async function start(options: Wish[], { staysFor = 0 } = {}) {
  const clock = new TestClock()
  const base = clock.now()
  const left = new Map(options.map((wish) => [wish.id, { ...wish, stays: staysFor }]))
  const ended: { id: string; code: string; limit: string; at: number }[] = []
  const state = { looks: 0, failing: false }
  const store = {
    async overdue(now: number, limit: number) {
      state.looks += 1
      if (state.failing) throw new Error('no disk')
      const all = [...left.values()].toSorted((a, b) => a.at - b.at)
      const due = all.filter(({ at }) => base + at <= now)
      const next = all.find(({ at }) => base + at > now)
      return {
        overdue: due.slice(0, limit).map(({ id, code, at }) => ({ id, code, limitMs: at })),
        nextAt: next === undefined ? null : base + next.at,
      }
    },
  }
  const dispatcher = {
    async endOverdue(id: string, code: string, limit: string) {
      ended.push({ id, code, limit, at: clock.now() - base })
      const wish = left.get(id)
      if (wish !== undefined && wish.stays-- <= 0) left.delete(id)
    },
  }
  const log = createLog(configFor('http://127.0.0.1:1', 'unused.db'), { write: () => {} })
  const deadlines = new Deadlines({ clock, log, store, dispatcher })
  await deadlines.start()
  /** Until the loop sleeps again. */
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
  const pass = async (ms: number) => {
    await clock.advanceSoftly(ms)
    await settled()
  }
  return { clock, deadlines, ended, left, state, pass, settled }
}

const wish = (id: string, at: number, code: Overdue['code'] = 'start_before_passed'): Wish => ({ id, at, code })

describe('deadlines', () => {
  test('that passed before the start are enforced before start resolves', async () => {
    const { ended, deadlines } = await start([wish('a', -5_000), wish('b', 5_000)])
    expect(ended.map(({ id }) => id)).toEqual(['a'])
    await deadlines.stop()
  })

  test('end a job when they pass, and not a millisecond earlier', async () => {
    const { ended, pass, deadlines } = await start([wish('a', 30_000, 'finish_before_passed')])
    await pass(29_999)
    expect(ended).toEqual([])
    await pass(1)
    expect(ended).toEqual([{ id: 'a', code: 'finish_before_passed', limit: '30s', at: 30_000 }])
    await deadlines.stop()
  })

  test('beyond the maximum of a Node timer are kept', async () => {
    const { ended, pass, clock, deadlines } = await start([wish('a', 40 * DAY)])
    clock.jump(40 * DAY - 60_000)
    await pass(59_999)
    expect(ended).toEqual([])
    await pass(60_001)
    expect(ended).toMatchObject([{ id: 'a', limit: '960h' }])
    await deadlines.stop()
  })

  test('use timers of at most a minute, so that a machine that slept is at most that late', async () => {
    const { ended, pass, clock, deadlines } = await start([wish('a', DAY)])
    clock.sleep(DAY)
    await pass(60_000)
    expect(ended.map(({ id }) => id)).toEqual(['a'])
    await deadlines.stop()
  })

  test('that are added later and pass earlier are seen when the loop is woken', async () => {
    const { ended, pass, left, deadlines, settled } = await start([wish('late', 50_000)])
    left.set('early', { ...wish('early', 10_000), stays: 0 })
    deadlines.wake()
    await settled()
    await pass(10_000)
    expect(ended.map(({ id }) => id)).toEqual(['early'])
    await deadlines.stop()
  })

  test('use no timer without jobs that have one', async () => {
    const { clock, deadlines } = await start([])
    expect(clock.timers).toBe(0)
    await deadlines.stop()
  })

  test('are enforced in several batches at once', async () => {
    const { ended, deadlines } = await start(Array.from({ length: 250 }, (_, i) => wish(`j${i}`, -1)))
    expect(ended.length).toBe(250)
    await deadlines.stop()
  })

  test('repeat the stop of a run that takes long after a second, not in a tight loop', async () => {
    const { ended, state, pass, deadlines } = await start([wish('a', -1)], { staysFor: 1 })
    expect(ended.length).toBe(1)
    expect(state.looks).toBeLessThanOrEqual(3)
    await pass(1_000)
    expect(ended.length).toBe(2)
    await deadlines.stop()
  })

  test('are read again a second after an error', async () => {
    const { ended, state, pass, deadlines, settled } = await start([wish('a', 500)])
    state.failing = true
    await pass(500)
    expect(ended).toEqual([])
    state.failing = false
    await pass(1_000)
    await until('the job is ended', () => ended.length === 1)
    await settled()
    await deadlines.stop()
  })

  test('end nothing after the stop and leave no timer', async () => {
    const { ended, clock, pass, deadlines } = await start([wish('a', 1_000)])
    await deadlines.stop()
    await deadlines.stop()
    expect(clock.timers).toBe(0)
    await pass(5_000)
    expect(ended).toEqual([])
  })
})
