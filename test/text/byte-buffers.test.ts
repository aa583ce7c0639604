// Bytes in chunks of any size are kept in order, and cost about what they weigh.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteChunks } from '../../src/daemon/text/byte-buffers.ts'
import { runAtOnce } from '../../src/daemon/text/slices.ts'

describe('byte chunks', () => {
  it('return what was added and count what they hold', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 9 }),
      fc.nat(9_000).map((size) => new Uint8Array(size).fill(size)),
    )
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 40 }), (added) => {
        const chunks = new ByteChunks()
        for (const bytes of added) chunks.add(Uint8Array.from(bytes))
        const whole = Buffer.concat(added)
        expect(Buffer.concat(chunks.chunks).equals(whole)).toBe(true)
        expect(chunks.bytes).toBe(whole.length)
        expect(chunks.held).toBeGreaterThanOrEqual(whole.length)
        const joined = runAtOnce(chunks.join())
        expect(Buffer.from(joined).equals(whole)).toBe(true)
        expect([joined.buffer.byteLength, chunks.held, chunks.bytes]).toEqual([whole.length, 0, 0])
      }),
    )
  })

  it('hold a million chunks of one byte in few blocks', () => {
    const chunks = new ByteChunks()
    for (let i = 0; i < 1_000_000; i++) chunks.add(new Uint8Array(1))
    expect(chunks.chunks.length).toBeLessThan(100)
    expect(chunks.held).toBeLessThan(1_200_000)
  })

  it('do not keep the large buffer of a small view', () => {
    const chunks = new ByteChunks()
    for (let i = 0; i < 10; i++) chunks.add(new Uint8Array(1_000_000).subarray(0, 10_000))
    expect(chunks.held).toBeLessThan(130_000)
  })

  it('are the same chunk if there is only one', () => {
    const chunks = new ByteChunks()
    const only = new Uint8Array(10)
    chunks.add(only)
    expect(runAtOnce(chunks.join())).toBe(only)
  })
})
