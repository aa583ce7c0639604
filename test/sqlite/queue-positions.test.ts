// Queue positions against the real order of claims: the number of jobs ahead equals the number of claims before the job.

import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CLOUD_AFFINITY, type Residency, type Turn } from '../../src/daemon/domain/affinity.ts'
import type { QueuePosition } from '../../src/daemon/domain/job.ts'
import type { Store } from '../../src/daemon/sqlite/store.ts'
import {
  changed,
  claimRequest,
  NO_LIMITS,
  newJob,
  outputOf,
  put,
  resident,
  sharedStore,
  take,
  temporaryFolder,
  temporaryStore,
} from './temporary-store.ts'

const A = 'tiny-a:latest'
const A8 = 'tiny-a:latest num_ctx=8192'
const B = 'tiny-b:latest'

const shared = sharedStore()

const count = (queuePosition: QueuePosition | null): number | null =>
  queuePosition === null ? null : queuePosition.ahead.reduce((sum, { jobs }) => sum + jobs, 0)

/** Claims and ends all jobs. Returns ids in the order of their claims. Residency changes as in the dispatcher. */
async function drain(store: Store, { drain: bound, ...from }: Turn): Promise<string[]> {
  const order: string[] = []
  let residency: Residency = from
  const { awakeNow: awake = 0, limitMs: drainLimitMs = 0 } = bound ?? {}
  for (;;) {
    const claimed = await store.claim(claimRequest({ now: 100_000, residency, awake, drainLimitMs }))
    if (claimed.kind === 'empty') return order
    const { id, affinity } = claimed.job
    if (affinity !== CLOUD_AFFINITY) residency = { ...residency, affinity }
    await changed(store, id, 'completed')
    order.push(id)
  }
}

const placed = async (store: Store, id: string, residency: Residency) => {
  const detail = await store.detail(id, residency)
  return { job: detail?.job, queuePosition: detail?.queuePosition }
}

const standings = async (store: Store, residency: Residency): Promise<Map<string, QueuePosition | null>> => {
  const filter = { state: null, model: null, label: null, limit: 5000, before: null }
  const listed = await store.list(filter, residency)
  return new Map(listed.map(({ job, queuePosition }) => [job.id, queuePosition]))
}

it('the jobs ahead of a job are those that are claimed before it, without orphans', {
  timeout: 120_000,
}, async () => {
  const store = await shared.store()
  const job = fc.record({
    affinity: fc.constantFrom(A, A8, B, 'other:latest', CLOUD_AFFINITY),
    fate: fc.constantFrom('waits', 'waits', 'waits', 'orphan', 'adopted', 'back off'),
    ageMs: fc.constantFrom(0, 500, 5_000),
  })
  const residency = fc.record({
    affinity: fc.constantFrom(null, A, B, 'gone:latest'),
    foreign: fc.subarray([A, B, 'gone:latest']),
  })
  // The awake clock never goes back: the last swap of the run before may be older than this run's limit.
  let awakeNow = 10_000
  const bound = fc.option(fc.constantFrom(100, 1_000, 100_000))
  const property = fc.asyncProperty(fc.array(job, { maxLength: 14 }), residency, bound, async (jobs, held, limitMs) => {
    awakeNow += 1_000
    const from: Turn = limitMs === null ? held : { ...held, drain: { limitMs, awakeNow } }
    const orphans: string[] = []
    for (const { affinity, fate: wanted, ageMs } of jobs) {
      // The next of two affinities is unknown while a backoff may end in between.
      const fate = wanted === 'back off' && limitMs !== null ? 'waits' : wanted
      const newest = newJob({ affinity, caller: fate === 'waits' ? 'none' : 'live', createdAwake: awakeNow - ageMs })
      const enqueued = await store.enqueue(newest, NO_LIMITS, from)
      const { id } = newest
      expect(enqueued).toEqual({ kind: 'enqueued', ...(await placed(store, id, from)) })
      if (fate === 'orphan' || fate === 'adopted') await store.orphan(id, 1)
      if (fate === 'adopted') await store.adopt(id)
      if (fate === 'orphan') orphans.push(id)
      if (fate !== 'back off') continue
      const { job: taken } = await take(store)
      await changed(store, taken.id, 'connection_lost', { availableAt: 90_000 })
    }
    const told = await standings(store, from)
    for (const id of orphans) {
      expect(told.get(id)).toBeNull()
      await changed(store, id, 'cancelled')
    }
    const [first] = await drain(store, from).then((order) => {
      // Only the next turn of the drain limit is known.
      const known = limitMs === null ? order : order.slice(0, 1)
      expect(known.map((id) => count(told.get(id) ?? null))).toEqual(known.map((_, at) => at))
      return order
    })
    if (first !== undefined) expect(count((await store.detail(first, from))?.queuePosition ?? null)).toBeNull()
  })
  await fc.assert(property, { numRuns: 120 })
})

it('a failed change leaves every queue position unchanged', async () => {
  const store = await temporaryStore()
  const first = await put(store, { caller: 'none' })
  const { id } = await put(store, { caller: 'none', affinity: B })
  const [artifact] = outputOf(1).artifacts
  const artifacts = artifact === undefined ? [] : [artifact, artifact]
  await expect(changed(store, first.id, 'cancelled', { output: { ...outputOf(1), artifacts } })).rejects.toThrow()
  expect(count((await store.detail(id, resident(null)))?.queuePosition ?? null)).toBe(1)
  expect(count((await store.detail(first.id, resident(null)))?.queuePosition ?? null)).toBe(0)
})

it('a position in a long queue is exact at every block boundary, as jobs come and go, and after a restart', {
  timeout: 60_000,
}, async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  const store = await temporaryStore({ path })
  const jobs = Array.from({ length: 1200 }, (_, at) =>
    newJob({ id: `j${at}`, caller: 'none', affinity: at % 3 === 0 ? B : A }),
  )
  await Promise.all(jobs.map((job) => store.enqueue(job, NO_LIMITS)))
  await changed(store, 'j1', 'cancelled')
  await changed(store, 'j700', 'cancelled')
  const from = resident(B)
  const expected = [
    ...jobs.filter(({ affinity }) => affinity === B),
    ...jobs.filter(({ affinity, id }) => affinity === A && id !== 'j1' && id !== 'j700'),
  ].map(({ id }) => id)
  const told = await standings(store, from)
  expect(expected.map((id) => count(told.get(id) ?? null))).toEqual(expected.map((_, at) => at))
  expect(told.get('j700')).toBeNull()
  // A job in backoff keeps its position, and the next start counts it separately.
  await take(store, { residency: resident(B) })
  await changed(store, 'j0', 'connection_lost', { availableAt: 90_000 })
  expect(await standings(store, from)).toEqual(told)
  await store.close()
  expect(await standings(await temporaryStore({ path }), from)).toEqual(told)
})
