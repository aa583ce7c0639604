// Counters of the queue that need no query: depth, backlog, counts. Also the effects of a stop, a crash and the pruner.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CLOUD_AFFINITY } from '../../src/daemon/domain/affinity.ts'
import {
  changed,
  claimRequest,
  NO_LIMITS,
  newest,
  newJob,
  outputOf,
  put,
  responseOf,
  take,
  temporaryFolder,
  temporaryStore,
} from './temporary-store.ts'

describe('the depth of the queue', () => {
  it('includes unsaved jobs, orphans and backoffs, and not jobs that were sent', async () => {
    const store = await temporaryStore()
    const first = store.enqueue(newJob({ bytes: 10 }), NO_LIMITS)
    expect(store.depth).toEqual({ jobs: 1, bytes: 10 })
    await first
    expect(store.depth).toEqual({ jobs: 1, bytes: 10 })
    const { job } = await take(store)
    expect(store.depth).toEqual({ jobs: 0, bytes: 0 })
    await changed(store, job.id, 'connection_lost', { availableAt: 9999 })
    expect(store.depth).toEqual({ jobs: 1, bytes: 10 })
    await store.orphan(job.id, 1)
    expect(store.depth).toEqual({ jobs: 1, bytes: 10 })
    await changed(store, job.id, 'cancelled')
    expect(store.depth).toEqual({ jobs: 0, bytes: 0 })
  })

  it('returns to its value if an enqueue is refused or fails', async () => {
    const store = await temporaryStore()
    await put(store, { id: 'a', bytes: 3 })
    expect(await store.enqueue(newJob(), { maxQueue: 1, maxQueueBytes: 100 })).toEqual({ kind: 'queue_full' })
    await expect(put(store, { id: 'a' })).rejects.toThrow(/UNIQUE/)
    expect(store.depth).toEqual({ jobs: 1, bytes: 3 })
  })

  it('and the counters keep their values if a change fails after it was counted', async () => {
    const store = await temporaryStore()
    const { id } = await put(store, { caller: 'none' })
    await take(store)
    const [depth, counts] = [store.depth, await store.countByState()]
    const [artifact] = outputOf(1).artifacts
    const twice = { ...outputOf(1), artifacts: [artifact, artifact].filter((one) => one !== undefined) }
    await expect(changed(store, id, 'completed', { output: twice })).rejects.toThrow(/UNIQUE/)
    expect([store.depth, await store.countByState()]).toEqual([depth, counts])
    expect(await store.get(id)).toMatchObject({ state: 'loading' })
  })
})

describe('the limits of the queue', () => {
  it('hold by number in a burst', async () => {
    const store = await temporaryStore()
    const limits = { maxQueue: 3, maxQueueBytes: 1000 }
    const results = await Promise.all(Array.from({ length: 5 }, () => store.enqueue(newJob(), limits)))
    expect(results.map(({ kind }) => kind)).toEqual(['enqueued', 'enqueued', 'enqueued', 'queue_full', 'queue_full'])
  })

  it('hold by bytes, but an empty queue takes anything', async () => {
    const store = await temporaryStore()
    const limits = { maxQueue: 9, maxQueueBytes: 10 }
    expect((await store.enqueue(newJob({ bytes: 50 }), limits)).kind).toBe('enqueued')
    expect((await store.enqueue(newJob({ bytes: 0 }), limits)).kind).toBe('queue_full')
  })
})

it('the backlog counts waiting jobs by model, whatever the spelling and the options', async () => {
  const store = await temporaryStore()
  await put(store, { model: 'tiny-a', affinity: 'tiny-a:latest', createdAt: 5 })
  await put(store, { model: 'Tiny-A:latest', affinity: 'tiny-a:latest num_ctx=8192', createdAt: 4 })
  await put(store, { model: 'big:cloud', affinity: CLOUD_AFFINITY, createdAt: 6 })
  await put(store, { model: 'other:cloud', affinity: CLOUD_AFFINITY, createdAt: 7 })
  expect(await store.backlog()).toEqual([
    { model: 'tiny-a:latest', jobs: 2, oldestAt: 5 },
    { model: 'big:cloud', jobs: 1, oldestAt: 6 },
    { model: 'other:cloud', jobs: 1, oldestAt: 7 },
  ])
  await take(store)
  expect((await store.backlog()).map(({ model }) => model)).toEqual(['tiny-a:latest', 'other:cloud'])
})

it('the counts are the same after the database is opened again', async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  const store = await temporaryStore({ path })
  for (const bytes of [1, 2, 3, 4]) await put(store, { caller: 'none', bytes })
  await changed(store, (await take(store)).job.id, 'completed')
  await take(store)
  await store.setPause({ since: 1, until: null, forMs: null, unload: false })
  const before = [store.depth, await store.backlog(), await store.countByState(), await store.queueState()]
  await store.close()
  const again = await temporaryStore({ path })
  expect([again.depth, await again.backlog(), await again.countByState(), await again.queueState()]).toEqual(before)
  expect(await again.countByState()).toEqual({ queued: 2, loading: 1, working: 0, done: 1, failed: 0, cancelled: 0 })
})

it('the list shows the newest first', async () => {
  const store = await temporaryStore()
  const ids = [await put(store), await put(store), await put(store)].map(({ id }) => id)
  expect((await newest(store, 2)).map(({ id }) => id)).toEqual([ids[2], ids[1]])
})

it('the awake clock is restored as the latest value of any job', async () => {
  const store = await temporaryStore()
  await put(store, { createdAwake: 100.4 })
  await take(store, { awake: 250.6 })
  expect((await store.queueState()).awake).toBe(251)
  await put(store, { createdAwake: 300 })
  expect(await store.queueState()).toMatchObject({ awake: 300, swappedAwake: 251, pause: null })
})

describe('recovery after a crash', () => {
  it('requeues async jobs with their attempt counted, fails those without attempts left, and ends waiting calls', async () => {
    const store = await temporaryStore()
    const spent = await put(store, { caller: 'none' })
    await take(store)
    await changed(store, spent.id, 'connection_lost')
    await take(store)
    const sent = await put(store, { caller: 'none' })
    await take(store)
    const waits = await put(store, { caller: 'none' })
    const live = await put(store, { affinity: 'tiny-b:latest' })
    const orphan = await put(store)
    await store.orphan(orphan.id, 1)
    expect(await store.recover(7000, 2)).toEqual({ requeued: 1, failed: 1, cancelled: 2 })
    expect(await store.get(sent.id)).toMatchObject({ state: 'queued', attempt: 1, finishedAt: null })
    expect(await store.get(spent.id)).toMatchObject({
      state: 'failed',
      attempt: 2,
      finishedAt: 7000,
      error: { code: 'attempts_exhausted', message: expect.stringContaining('lost 2 times') },
    })
    for (const { id } of [live, orphan]) {
      expect(await store.get(id)).toMatchObject({ state: 'cancelled', error: { code: 'crashed' }, orphanedAt: null })
    }
    expect((await store.claim(claimRequest())).kind === 'claimed' && store.depth.jobs).toBe(1)
    expect(await store.get(waits.id)).toMatchObject({ state: 'queued', attempt: 0 })
  })
})

describe('a stop', () => {
  it('requeues async jobs without their attempt and cancels every waiting call', async () => {
    const store = await temporaryStore()
    const sent = await put(store, { caller: 'none' })
    await take(store)
    const live = await put(store)
    const waits = await put(store, { caller: 'none' })
    await store.interruptAll(8000)
    expect(await store.get(sent.id)).toMatchObject({ state: 'queued', attempt: 0, availableAt: null })
    expect(await store.get(waits.id)).toEqual(waits)
    expect(await store.get(live.id)).toMatchObject({
      state: 'cancelled',
      finishedAt: 8000,
      error: { code: 'shutting_down' },
    })
    expect(store.depth.jobs).toBe(2)
  })
})

describe('the pruner', () => {
  it('deletes jobs that finished before a time, the earliest first, with bodies and answers, and never unfinished ones', async () => {
    const store = await temporaryStore()
    const ids: string[] = []
    for (const now of [30, 10, 20, 40]) {
      const { id } = await put(store, { caller: 'none' })
      await take(store)
      await changed(store, id, 'completed', { now, output: outputOf(5) })
      ids.push(id)
    }
    const waits = await put(store, { caller: 'none' })
    expect(await store.prune(40, 2)).toBe(2)
    expect((await newest(store, 10)).map(({ id }) => id)).toEqual([waits.id, ids[3], ids[0]])
    expect(await store.prune(40, 2)).toBe(1)
    expect(await store.prune(40, 2)).toBe(0)
    expect(await responseOf(store, ids[0] ?? '')).toBeNull()
    expect(await responseOf(store, ids[3] ?? '')).toEqual(new Uint8Array(5).fill(7))
    expect(await store.countByState()).toMatchObject({ done: 4, queued: 1 })
  })
})

it('finished jobs stay counted when they are deleted, also after a restart', async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  const store = await temporaryStore({ path })
  const { id } = await put(store)
  await take(store)
  await changed(store, id, 'completed', { now: 10 })
  await store.prune(20, 100)
  await store.close()
  const again = await temporaryStore({ path })
  expect(await again.countByState()).toMatchObject({ queued: 0, loading: 0, working: 0, done: 1 })
})

describe('closing the store', () => {
  it('completes open operations, may be repeated, and then rejects new ones', async () => {
    const path = join(await temporaryFolder(), 'foreman.db')
    const store = await temporaryStore({ path })
    const outstanding = store.enqueue(newJob({ id: 'last', caller: 'none' }), NO_LIMITS)
    await Promise.all([store.close(), store.close()])
    expect((await outstanding).kind).toBe('enqueued')
    await expect(store.get('last')).rejects.toThrow(/closed/)
    expect(await (await temporaryStore({ path })).get('last')).toMatchObject({ state: 'queued' })
  })
})
