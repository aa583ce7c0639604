// Claims on the real store: the drain by affinity, its limit, cloud models, orphans, and swaps.

import { beforeEach, describe, expect, it } from 'vitest'
import { CLOUD_AFFINITY } from '../../src/daemon/domain/affinity.ts'
import type { Store } from '../../src/daemon/sqlite/store.ts'
import { changed, claimRequest, put, resident, take, temporaryStore } from './temporary-store.ts'

const A = 'tiny-a:latest'
const B = 'tiny-b:latest'
const MINUTES = 60_000

let store: Store

beforeEach(async () => {
  store = await temporaryStore()
})

/** Claims and completes until the queue is empty. Returns the ids in the order of their claims. */
async function drain(differences: Parameters<typeof claimRequest>[0] = {}): Promise<string[]> {
  const order: string[] = []
  for (;;) {
    const result = await store.claim(claimRequest(differences))
    if (result.kind === 'empty') return order
    await changed(store, result.job.id, 'completed')
    order.push(result.job.id)
  }
}

const putAll = async (...jobs: Parameters<typeof put>[1][]): Promise<string[]> => {
  const ids: string[] = []
  for (const job of jobs) ids.push((await put(store, job)).id)
  return ids
}

describe('the next job', () => {
  it('is the oldest if nothing is resident', async () => {
    const ids = await putAll({ affinity: B }, { affinity: A }, { affinity: B })
    expect(await drain()).toEqual(ids)
  })

  it('is the oldest of the resident affinity, and only of that affinity', async () => {
    const [b, large, a1, a2] = await putAll(
      { affinity: B },
      { affinity: `${A} num_ctx=8192` },
      { affinity: A },
      { affinity: A },
    )
    expect(await drain({ residency: resident(A) })).toEqual([a1, a2, b, large])
  })

  it('may have any affinity of a model that another client loaded, if none of ours is resident', async () => {
    const [b, a1, a2] = await putAll({ affinity: B }, { affinity: `${A} num_ctx=8192` }, { affinity: A })
    expect(await drain({ residency: resident(null, ['other:latest', A]) })).toEqual([a1, a2, b])
  })

  it('may be a cloud job among the resident ones, in its order', async () => {
    const [b, cloud, a] = await putAll({ affinity: B }, { affinity: CLOUD_AFFINITY }, { affinity: A })
    expect(await drain({ residency: resident(A) })).toEqual([cloud, a, b])
  })

  it('does not depend on the wall clock', async () => {
    const ids = await putAll({ createdAt: 9000 }, { createdAt: 1 }, { createdAt: 5000 })
    expect(await drain()).toEqual(ids)
  })

  it('comes with its body, byte for byte', async () => {
    const body = Uint8Array.from([0, 255, 10, 0, 128])
    await putAll({ body: body.slice() })
    expect((await take(store)).body).toEqual(body)
  })
})

describe('the drain limit of claims', () => {
  const limits = { residency: resident(A), drainLimitMs: 15 * MINUTES }

  /** B has waited since 0; A is resident since its swap at `swappedAwake`. */
  async function waiting(swappedAwake: number): Promise<{ a: string; b: string }> {
    const first = await put(store, { affinity: A })
    await take(store, { awake: swappedAwake })
    await changed(store, first.id, 'completed')
    const [b = '', a = ''] = await putAll({ affinity: B }, { affinity: A })
    return { a, b }
  }

  it('does not switch to the oldest job before that one has waited the limit', async () => {
    const { a } = await waiting(-15 * MINUTES)
    expect((await take(store, { ...limits, awake: 15 * MINUTES - 1 })).job.id).toBe(a)
  })

  it('does not switch to it before the resident affinity has been drained that long', async () => {
    const { a } = await waiting(1)
    expect((await take(store, { ...limits, awake: 15 * MINUTES })).job.id).toBe(a)
  })

  it('switches to it if both are true, and that is a swap', async () => {
    const { b } = await waiting(0)
    expect(await take(store, { ...limits, awake: 15 * MINUTES })).toMatchObject({ job: { id: b }, swapped: true })
    expect(await store.queueState()).toMatchObject({ lastAffinity: B, swappedAwake: 15 * MINUTES })
  })

  it('never switches with a limit of 0', async () => {
    const { a } = await waiting(0)
    expect((await take(store, { residency: resident(A), drainLimitMs: 0, awake: 999 * MINUTES })).job.id).toBe(a)
  })

  it('causes 12 loads for 300 interleaved jobs of 30 s over 3 models; without it there are 3', async () => {
    const models = [A, B, 'tiny-c:latest']
    for (const drainLimitMs of [15 * MINUTES, 0]) {
      const before = store.swaps.swaps
      await putAll(...Array.from({ length: 300 }, (_, at) => ({ affinity: models[at % 3] ?? A })))
      let affinity: string | null = null
      for (let awake = 0; awake < 300 * 30_000; awake += 30_000) {
        const { job } = await take(store, { awake, drainLimitMs, residency: resident(affinity) })
        affinity = job.affinity
        await changed(store, job.id, 'completed')
      }
      expect(store.swaps.swaps - before).toBe(drainLimitMs === 0 ? 3 : 12)
      expect(store.depth.jobs).toBe(0)
      // Another affinity goes between the two rounds, so that each of them begins with a load.
      await putAll({ affinity: 'tiny-d:latest' })
      await drain()
    }
  })

  it('is not "oldest first once overdue", which would cause 271', () => {
    const waiting = Array.from({ length: 300 }, (_, at) => at % 3)
    let [model, loads] = [-1, 0]
    for (let awake = 0; waiting.length > 0; awake += 30_000) {
      const own = waiting.indexOf(model)
      // All were submitted at 0, so all are overdue from the 30th job on.
      const next = awake < 15 * MINUTES && own !== -1 ? own : 0
      const [taken = -1] = waiting.splice(next, 1)
      if (taken !== model) loads += 1
      model = taken
    }
    expect(loads).toBe(271)
  })
})

describe('a swap', () => {
  it('is a claim of another affinity than the last one sent, except for cloud models', async () => {
    await putAll({ affinity: A }, { affinity: CLOUD_AFFINITY }, { affinity: A }, { affinity: B }, { affinity: B })
    const swapped: boolean[] = []
    for (let at = 0; at < 5; at += 1) {
      const claimed = await take(store)
      swapped.push(claimed.swapped)
      await changed(store, claimed.job.id, 'completed')
    }
    // The cloud job first: it never needs a load.
    expect(swapped).toEqual([false, true, false, true, false])
    expect(store.swaps.swaps).toBe(2)
  })

  it('is counted beside the number that first-in-first-out would need for the same jobs', async () => {
    await putAll(
      { affinity: A },
      { affinity: B },
      { affinity: CLOUD_AFFINITY },
      { affinity: B },
      { affinity: A },
      { affinity: B },
    )
    await drain({ residency: resident(A) })
    expect(store.swaps).toEqual({ swaps: 2, fifoSwaps: 4 })
  })

  it('by first-in-first-out is counted once for a job, however often it is sent', async () => {
    const { id } = await put(store)
    await take(store)
    await changed(store, id, 'target_busy')
    await take(store)
    await changed(store, id, 'connection_lost')
    await take(store)
    expect(store.swaps).toEqual({ swaps: 1, fifoSwaps: 1 })
  })
})

describe('a backoff', () => {
  it('delays its job until its end, and not longer if the clock is set back', async () => {
    const hour = 60 * MINUTES
    const [id = ''] = await putAll({})
    await take(store, { now: hour })
    await changed(store, id, 'connection_lost', { availableAt: hour + 4_000 })
    expect(await store.claim(claimRequest({ now: hour + 3_999 }))).toEqual({ kind: 'empty', availableAt: hour + 4_000 })
    expect(await store.claim(claimRequest({ now: hour - 60_000 }))).toEqual({
      kind: 'empty',
      availableAt: hour + 4_000,
    })
    expect((await take(store, { now: 0 })).job.id).toBe(id)
  })
})

describe('an orphan', () => {
  it('is not claimed, still waits, and keeps its position when its caller returns', async () => {
    const [first = '', second = ''] = await putAll({}, {})
    expect(await store.orphan(first, 1500)).toBe(true)
    expect((await store.get(first))?.orphanedAt).toBe(1500)
    expect(store.depth.jobs).toBe(2)
    const claimed = await take(store)
    expect(claimed.job.id).toBe(second)
    await changed(store, second, 'completed')
    expect(await store.claim(claimRequest())).toEqual({ kind: 'empty', availableAt: null })
    const [third] = await putAll({})
    expect(await store.adopt(first)).toBe(true)
    expect(await drain()).toEqual([first, third])
  })

  it('is only made of a queued waiting call, once', async () => {
    const [live = '', none = ''] = await putAll({}, { caller: 'none' })
    expect(await store.orphan(none, 1)).toBe(false)
    expect(await store.orphan('nobody', 1)).toBe(false)
    expect([await store.orphan(live, 1), await store.orphan(live, 2)]).toEqual([true, false])
    expect([await store.adopt(live), await store.adopt(live)]).toEqual([true, false])
    await take(store)
    expect(await store.orphan(live, 1)).toBe(false)
  })

  it('can be cancelled', async () => {
    const [id = ''] = await putAll({})
    await store.orphan(id, 1)
    expect(await changed(store, id, 'cancelled')).toMatchObject({ state: 'cancelled', orphanedAt: null })
    expect(await store.adopt(id)).toBe(false)
    expect(store.depth).toEqual({ jobs: 0, bytes: 0 })
  })
})
