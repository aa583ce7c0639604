// Durability of operations: some are answered after their sync, others do not wait for it.

import { expect, it } from 'vitest'
import type { Commit } from '../../src/daemon/sqlite/messages.ts'
import type { Store } from '../../src/daemon/sqlite/store.ts'
import {
  change,
  changed,
  claimRequest,
  NO_LIMITS,
  newest,
  newJob,
  put,
  take,
  temporaryStore,
} from './temporary-store.ts'

const NORMAL = 1
const FULL = 2

/** A store, with the `synchronous` setting that SQLite reported after each of its commits. */
async function watched(): Promise<{
  store: Store
  commits: Commit[]
  of: (work: () => Promise<unknown>) => Promise<Commit[]>
}> {
  const commits: Commit[] = []
  const store = await temporaryStore({ onCommit: (commit) => void commits.push(commit) })
  return {
    store,
    commits,
    async of(work) {
      const before = commits.length
      await work()
      return commits.slice(before)
    },
  }
}

const unsynced = (...operations: Commit['operations']): Commit => ({
  durability: 'unsynced',
  synchronous: NORMAL,
  operations,
})
const synced = (...operations: Commit['operations']): Commit => ({
  durability: 'synced',
  synchronous: FULL,
  operations,
})

it('the operations of a waiting call are not synced', async () => {
  const { store, of } = await watched()
  expect(await of(() => put(store, { id: 'live' }))).toEqual([unsynced('enqueue')])
  expect(await of(() => store.orphan('live', 1))).toEqual([unsynced('orphan')])
  expect(await of(() => store.adopt('live'))).toEqual([unsynced('adopt')])
  expect(await of(() => take(store))).toEqual([unsynced('claim')])
  expect(await of(() => changed(store, 'live', 'first_byte'))).toEqual([unsynced('apply')])
  expect(await of(() => changed(store, 'live', 'completed'))).toEqual([unsynced('apply')])
})

it('every operation of an async job is synced before it is answered', async () => {
  const { store, of } = await watched()
  expect(await of(() => put(store, { id: 'async', caller: 'none' }))).toEqual([synced('enqueue')])
  expect(await of(() => take(store))).toEqual([synced('claim')])
  expect(await of(() => changed(store, 'async', 'first_byte'))).toEqual([synced('apply')])
  expect(await of(() => changed(store, 'async', 'completed'))).toEqual([synced('apply')])
})

it('operations on the whole queue are synced', async () => {
  const { store, of } = await watched()
  expect(await of(() => store.setPause({ since: 1, until: null, forMs: null, unload: false }))).toEqual([
    synced('setPause'),
  ])
  expect(await of(() => store.recover(1, 3))).toEqual([synced('recover')])
  expect(await of(() => store.prune(1, 10))).toEqual([synced('prune')])
  expect(await of(() => store.interruptAll(1))).toEqual([synced('interruptAll')])
})

it('a mixed batch commits unsynced operations first, so that no waiting call waits for a sync', async () => {
  const { store, of } = await watched()
  const answered: string[] = []
  const commits = await of(() =>
    Promise.all([
      store.enqueue(newJob({ caller: 'none' }), NO_LIMITS).then(() => answered.push('async')),
      store.enqueue(newJob(), NO_LIMITS).then(() => answered.push('live')),
      store.enqueue(newJob({ caller: 'none' }), NO_LIMITS).then(() => answered.push('async')),
      store.claim(claimRequest()).then(({ kind }) => answered.push(kind)),
    ]),
  )
  expect(commits).toEqual([unsynced('enqueue', 'claim'), synced('enqueue', 'enqueue')])
  // The answers of one message come in any order.
  expect([answered.slice(0, 2).toSorted(), answered.slice(2)]).toEqual([
    ['claimed', 'live'],
    ['async', 'async'],
  ])
})

it('a claim that finds an async job in an unsynced batch is undone there and synced', async () => {
  const { store, of } = await watched()
  const job = await put(store, { caller: 'none', affinity: 'tiny-b:latest' })
  const [, claimed] = await Promise.all([store.enqueue(newJob({ id: 'live' }), NO_LIMITS), take(store)])
  expect(claimed).toMatchObject({ job: { id: job.id, attempt: 1 }, swapped: true })
  expect(store.swaps.swaps).toBe(1)
  expect(store.depth.jobs).toBe(1)
  const commits = await of(() =>
    Promise.all([store.apply(change('live', 'cancelled')), store.apply(change(job.id, 'completed'))]),
  )
  expect(commits).toEqual([unsynced('apply'), synced('apply')])
})

it('a burst of submissions costs one sync', async () => {
  const { store, of } = await watched()
  const commits = await of(() => Promise.all(Array.from({ length: 200 }, () => put(store, { caller: 'none' }))))
  expect(commits.map(({ operations }) => operations.length)).toEqual([200])
})

it('a batch ends at 512 operations, and at 16 MiB of bodies', async () => {
  const { store, of } = await watched()
  const many = await of(() => Promise.all(Array.from({ length: 600 }, () => put(store))))
  expect(many.map(({ operations }) => operations.length)).toEqual([512, 88])
  const large = await of(() => Promise.all(Array.from({ length: 5 }, () => put(store, { bytes: 6 * 1024 * 1024 }))))
  expect(large.map(({ operations }) => operations.length)).toEqual([3, 2])
})

it('a change of a job that is still being saved is not lost', async () => {
  const { store } = await watched()
  const [, applied] = await Promise.all([
    put(store, { id: 'a', caller: 'none' }),
    store.apply(change('a', 'cancelled')),
  ])
  expect(applied).toMatchObject({ kind: 'applied', job: { state: 'cancelled' } })
})

it('a failed operation does not affect the others in its batch', async () => {
  const { store } = await watched()
  const results = await Promise.allSettled([put(store, { id: 'a' }), put(store, { id: 'a' }), put(store, { id: 'b' })])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect((await newest(store, 10)).map(({ id }) => id)).toEqual(['b', 'a'])
  expect(store.depth).toEqual({ jobs: 2, bytes: 4 })
})
