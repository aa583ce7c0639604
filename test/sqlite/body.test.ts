// Bodies and responses of every size on their way between the threads and through SQLite.

import { describe, expect, it } from 'vitest'
import { changed, put, responseOf, sharedStore, take } from './temporary-store.ts'

const shared = sharedStore()

/** Bytes that differ from place to place, so that a shifted copy does not pass. */
const patterned = (bytes: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: bytes }, (_, at) => (at * 31) % 251)

describe.each([0, 1, 4096, 4097, 10_000_000])('a stored body of %i bytes', (bytes) => {
  it('is returned by the claim, as is a response of that size', async () => {
    const store = await shared.store()
    const expected = patterned(bytes)
    const { id, bodyBytes } = await put(store, { caller: 'none', body: patterned(bytes) })
    expect(bodyBytes).toBe(bytes)
    expect(store.depth).toEqual({ jobs: 1, bytes })
    const claimed = await take(store)
    expect(Buffer.compare(claimed.body, expected)).toBe(0)
    const response = { name: 'response', contentType: 'application/json', body: patterned(bytes) } as const
    const remains = { artifacts: [response], result: null, responseIsResult: true }
    await changed(store, id, 'completed', { output: remains })
    expect(Buffer.compare((await responseOf(store, id)) ?? new Uint8Array(1), expected)).toBe(0)
  })
})

it('a body that is a view into a larger buffer arrives alone, and the buffer stays usable', async () => {
  const store = await shared.store()
  const buffer = patterned(100)
  await put(store, { body: buffer.subarray(10, 20) })
  expect(Buffer.compare((await take(store)).body, patterned(100).subarray(10, 20))).toBe(0)
  expect(buffer.byteLength).toBe(100)
})

it('a body from the pool of small Buffers arrives', async () => {
  const store = await shared.store()
  await put(store, { body: Buffer.from('{"model":"tiny-a"}') })
  expect(Buffer.from((await take(store)).body).toString()).toBe('{"model":"tiny-a"}')
})

it('two jobs of one tick may share a buffer', async () => {
  const store = await shared.store()
  const body = patterned(50)
  await Promise.all([put(store, { body }), put(store, { body })])
  expect((await take(store)).body.byteLength).toBe(50)
  expect((await take(store)).body.byteLength).toBe(50)
})

it('the bodies of one tick do not mix', async () => {
  const store = await shared.store()
  const sizes = [3, 4096, 0, 5000, 1, 4097, 700]
  await Promise.all(sizes.map((bytes) => put(store, { body: patterned(bytes) })))
  for (const bytes of sizes) expect(Buffer.compare((await take(store)).body, patterned(bytes))).toBe(0)
})

it('text with a zero byte or a lone surrogate is stored unchanged', async () => {
  const store = await shared.store()
  const contentType = `a\0b ${'x'.repeat(10_000)}`
  const { id } = await put(store, { contentType })
  expect((await store.get(id))?.contentType).toBe(contentType)
})
