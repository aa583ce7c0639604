// A caller that reads slowly is kept. One that reads nothing is disconnected, even if only the end of its answer is left.

import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { SlowReader } from '../../src/daemon/http/slow-reader.ts'
import { TestClock } from '../test-clock.ts'

/** The parts of an answer that the check uses: its unsent bytes, and whether it was cut. */
function answer(unsent: number) {
  const socket = { _handle: { writeQueueSize: 0 } }
  const res = Object.assign(new EventEmitter(), { writableLength: unsent, socket, destroyed: false })
  const destroy = () => {
    res.destroyed = true
  }
  const clock = new TestClock()
  const asResponse = Object.assign(res, { destroy }) as unknown as ServerResponse
  return { res, clock, reader: new SlowReader(clock, asResponse, 60_000) }
}

test('a reader that takes nothing for the limit is cut', () => {
  const { res, clock, reader } = answer(100)
  reader.watch()
  clock.advance(59_999)
  expect(res.destroyed).toBe(false)
  clock.advance(1)
  expect(res.destroyed).toBe(true)
})

test('a reader that takes a few bytes within each limit is not cut', () => {
  const { res, clock, reader } = answer(100)
  reader.watch()
  for (let taken = 0; taken < 10; taken++) {
    res.writableLength -= 1
    clock.advance(60_000)
  }
  expect(res.destroyed).toBe(false)
  clock.advance(60_000)
  expect(res.destroyed).toBe(true)
})

test('a reader that has drained the buffer is not watched any longer', () => {
  const { res, clock, reader } = answer(100)
  reader.watch()
  reader.stop()
  clock.advance(120_000)
  expect([res.destroyed, clock.timers]).toEqual([false, 0])
})

test('a reader that stops before the end is cut, and one that takes the end is not', () => {
  const stopped = answer(100)
  stopped.reader.watchToTheEnd()
  stopped.clock.advance(60_000)
  expect(stopped.res.destroyed).toBe(true)
  const took = answer(100)
  took.reader.watchToTheEnd()
  took.res.emit('finish')
  took.clock.advance(60_000)
  expect([took.res.destroyed, took.clock.timers]).toEqual([false, 0])
})

test('an answer that is already sent needs no timer', () => {
  const { clock, reader } = answer(0)
  reader.watchToTheEnd()
  expect(clock.timers).toBe(0)
})
