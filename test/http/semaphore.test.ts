// The slots of embedding requests: first come, first served, never above the limit, and none is lost.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Semaphore } from '../../src/daemon/http/semaphore.ts'

test('a semaphore has a number of slots and of waiters, and then is full', () => {
  const slots = new Semaphore(2, 1)
  const went: string[] = []
  const take = (name: string) => slots.acquire(() => void went.push(name))
  expect([take('a'), take('b'), take('c'), take('d')]).toEqual(['now', 'now', 'waiting', 'full'])
  expect(went).toEqual(['a', 'b'])
  expect(slots.isFull).toBe(true)
  slots.release()
  expect(went).toEqual(['a', 'b', 'c'])
  expect(slots.isFull).toBe(false)
})

test('a semaphore keeps the order of waiters, and neither loses a slot nor gives it twice', () => {
  const step = fc.oneof(
    fc.constant('take' as const),
    fc.constant('release' as const),
    fc.nat({ max: 20 }).map((index) => ({ leave: index })),
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.nat({ max: 5 }),
      fc.array(step, { maxLength: 60 }),
      (max, maxWaiting, steps) => {
        const slots = new Semaphore(max, maxWaiting)
        const goes: (() => void)[] = []
        const went: number[] = []
        const waiting: number[] = []
        let busy = 0
        for (const what of steps) {
          if (what === 'take') {
            const number = goes.length
            const go = (): void => void went.push(number)
            goes.push(go)
            const taken = slots.acquire(go)
            expect(taken).toBe(busy < max ? 'now' : waiting.length < maxWaiting ? 'waiting' : 'full')
            if (taken === 'now') busy += 1
            if (taken === 'waiting') waiting.push(number)
          } else if (what === 'release') {
            if (busy === 0) continue
            slots.release()
            const next = waiting.shift()
            if (next === undefined) busy -= 1
            else expect(went.at(-1)).toBe(next)
          } else {
            const number = what.leave
            const go = goes[number]
            if (go === undefined) continue
            const index = waiting.indexOf(number)
            expect(slots.leave(go)).toBe(index >= 0)
            if (index >= 0) waiting.splice(index, 1)
          }
          expect([slots.taken, slots.waiting]).toEqual([busy, waiting.length])
        }
        expect(new Set(went).size).toBe(went.length)
      },
    ),
  )
})
