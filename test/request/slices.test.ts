// Reading a large body pauses after each slice, so that the event loop turns in between.

import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { EndpointPath } from '../../src/daemon/domain/endpoint.ts'
import { SliceRunner } from '../../src/daemon/http/slice-runner.ts'
import { readJobSubmission } from '../../src/daemon/request/job-submission.ts'
import { readSubmission } from '../../src/daemon/request/submission.ts'
import { copyInSlices, inPieces, SLICE_BYTES, type Slices } from '../../src/daemon/text/slices.ts'
import { HARD_BODIES, type HardInput } from '../http/hard-inputs.ts'
import { SETTINGS } from './reading.ts'

const BYTES = 1024 * 1024
/** A slice does not end inside an escape. */
const ESCAPE = 6

function reading({ path, body, contentType = 'application/json' }: HardInput): Slices<unknown> {
  const bytes = new Uint8Array(Buffer.from(body(BYTES), 'latin1'))
  const request = { body: bytes, contentType, contentEncoding: null, coding: { kind: 'readable', bytes } } as const
  return path === '/jobs'
    ? readJobSubmission(request, SETTINGS)
    : readSubmission(path as EndpointPath, request, SETTINGS)
}

/** The bytes read between two pauses. */
function slicesOf(work: Slices<unknown>): number[] {
  const slices: number[] = []
  for (let next = work.next(); next.done !== true; next = work.next()) slices.push(next.value)
  return slices
}

describe('reading a body', () => {
  it.each(HARD_BODIES.filter(({ path }) => path !== '/api/show' && path !== '/api/embed'))(
    'scans at most one slice at a time: $name',
    (input) => {
      const slices = slicesOf(reading(input))
      expect(Math.max(0, ...slices)).toBeLessThanOrEqual(SLICE_BYTES + ESCAPE)
      const isRefusedAtOnce = input.name.includes('not JSON') || input.name.includes('as long as a header')
      if (!isRefusedAtOnce) expect(slices.length).toBeGreaterThanOrEqual(BYTES / SLICE_BYTES - 1)
    },
  )

  it('copies and hashes in slices with the same result', () => {
    const source = Uint8Array.from({ length: 600_000 }, (_, i) => i * 7)
    const target = new Uint8Array(600_010)
    const slices = slicesOf(copyInSlices(target, 5, source))
    expect([slices.length, Math.max(...slices)]).toEqual([3, SLICE_BYTES])
    expect(Buffer.from(target.subarray(5, 600_005)).equals(source)).toBe(true)
    const hash = createHash('sha256')
    expect(slicesOf(inPieces(source, (piece) => void hash.update(piece)))).toEqual(slices)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(source).digest('hex'))
  })
})

describe('a slice runner', () => {
  it('runs one slice of each task per turn, in order', async () => {
    const runner = new SliceRunner()
    const order: string[] = []
    function* work(name: string): Slices<string> {
      for (let i = 0; i < 3; i++) {
        order.push(name)
        yield SLICE_BYTES
      }
      return name
    }
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const done = Promise.all([runner.run(work('a')), runner.run(work('b'))])
    expect(order).toEqual(['a', 'b'])
    await turn()
    expect(order).toEqual(['a', 'b', 'a'])
    expect(await done).toEqual(['a', 'b'])
    expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
  })

  it('runs a small task at once', () => {
    let isDone = false
    function* work(): Slices<void> {
      for (let i = 0; i < 3; i++) yield SLICE_BYTES / 4
      isDone = true
    }
    void new SliceRunner().run(work())
    expect(isDone).toBe(true)
  })

  it('drops a task without a caller, and passes errors on', async () => {
    const runner = new SliceRunner()
    let isGone = false
    function* endless(): Slices<never> {
      for (;;) yield SLICE_BYTES
    }
    const done = runner.run(endless(), () => isGone)
    isGone = true
    expect(await done).toBe(null)
    function* broken(): Slices<void> {
      yield SLICE_BYTES
      throw new Error('broken')
    }
    await expect(runner.run(broken())).rejects.toThrow('broken')
  })
})
