// Conclusions about the embedder from the models that the target holds.

import { describe, expect, it } from 'vitest'
import { NOT_PINNED, pinningAfter } from '../../src/daemon/domain/pinning.ts'

const now = Date.parse('2026-11-21T00:00:00Z')
const model = (name: string, expiresAt: string) => ({ name, size: 0, sizeVram: 0, contextLength: null, expiresAt })
const embedder = model('tiny-embed:latest', '2318-01-01T00:00:00Z')
const unpinned = model('tiny-embed:latest', '2026-11-21T00:05:00Z')
const worker = model('tiny-a:latest', '2026-11-21T00:30:00Z')
const seen = (...probes: (typeof worker)[][]) =>
  probes.reduce((pinning, resident) => pinningAfter(pinning, 'tiny-embed', resident, now), NOT_PINNED)

describe('the embedder', () => {
  it('is pinned if its expiry is centuries away', () => expect(seen([embedder]).pinned).toBe(true))
  it('is not pinned if it expires in minutes', () => expect(seen([unpinned]).pinned).toBe(false))
  it('is not pinned if it is not loaded', () => expect(seen([worker]).pinned).toBe(false))
  it('evicted by a worker before it was seen beside one means too few slots', () => {
    expect(seen([embedder], [worker]).slotsTooFew).toBe(true)
  })
  it('seen beside a worker may be evicted once', () => {
    expect(seen([embedder, worker], [worker]).slotsTooFew).toBe(false)
  })
  it('evicted twice in a row means too few slots', () => {
    expect(seen([embedder, worker], [worker], [embedder], [worker]).slotsTooFew).toBe(true)
  })
  it('seen beside a worker again ends the warning', () => {
    expect(seen([embedder], [worker], [embedder, worker]).slotsTooFew).toBe(false)
  })
  it('that disappears without a worker (a restart of the target) was not evicted', () => {
    expect(seen([embedder], []).slotsTooFew).toBe(false)
  })
})
