// A full disk (PRAGMA max_page_count gives the same error as ENOSPC, from the same place): no job is admitted, none is lost,
// and the store recovers without a restart.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createBatches } from '../../src/daemon/sqlite/batch.ts'
import { verdictOf } from '../../src/daemon/sqlite/failure.ts'
import type { Answered } from '../../src/daemon/sqlite/messages.ts'
import { openDatabase } from '../../src/daemon/sqlite/opening.ts'
import type { StoreOperation } from '../../src/daemon/sqlite/operations.ts'
import type { Store } from '../../src/daemon/sqlite/store.ts'
import { createTables } from '../../src/daemon/sqlite/tables.ts'
import { createTransactions } from '../../src/daemon/sqlite/transaction.ts'
import {
  change,
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
  withWebhook,
} from './temporary-store.ts'

const KIB = 1024
const PAUSE = { since: 1, until: null, forMs: null, unload: false }

/** A store on a disk of about 4 MiB, and its reports of the disk. */
async function smallStore(): Promise<{ store: Store; told: boolean[]; healed: Promise<void> }> {
  const told: boolean[] = []
  const { promise: healed, resolve } = Promise.withResolvers<void>()
  const store = await temporaryStore({
    maxPages: 1000,
    onStorageFull(full) {
      told.push(full)
      if (!full) resolve()
    },
  })
  return { store, told, healed }
}

/** Enqueues async jobs until one is refused. Returns the ids of the accepted ones. */
async function fill(store: Store, bytes: number): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const result = await store.enqueue(newJob({ caller: 'none', bytes }), NO_LIMITS)
    if (result.kind !== 'enqueued') {
      expect(result).toEqual({ kind: 'storage_full' })
      return ids
    }
    ids.push(result.job.id)
  }
}

/** Batches without a thread, so that the test chooses when the failure occurs. */
async function batchesOn(pages: number) {
  const { db, close } = openDatabase(join(await temporaryFolder(), 'foreman.db'))
  const tables = createTables(db)
  const answers: Answered[] = []
  const batches = createBatches({
    transactions: createTransactions(db, tables, null),
    answer: (some) => void answers.push(...some),
    watch: () => {},
    fullChanged: () => {},
  })
  let number = 0
  const run = (...operations: StoreOperation[]): (Answered['outcome'] | undefined)[] => {
    const tickets = operations.map((operation) => ({ number: ++number, operation }))
    batches.run(tickets)
    return tickets.map((ticket) => answers.find((one) => one.number === ticket.number)?.outcome)
  }
  db.exec(`PRAGMA max_page_count = ${pages}`)
  return { db, close, batches, counters: tables.counters, run }
}
const enqueue = (bytes: number, id: string): StoreOperation => ({
  name: 'enqueue',
  args: [newJob({ id, caller: 'none', bytes }), NO_LIMITS, null],
})
const refused = { kind: 'result', result: { kind: 'storage_full' } }

describe('a full disk', () => {
  it('refuses new jobs, keeps acknowledged ones, and allows small changes', async () => {
    const { store, told } = await smallStore()
    const ids = await fill(store, 100 * KIB)
    expect(ids.length).toBeGreaterThan(20)
    expect(told).toEqual([true])
    expect(store.depth).toEqual({ jobs: ids.length, bytes: ids.length * 100 * KIB })
    expect((await store.enqueue(newJob({ bytes: 0 }), NO_LIMITS)).kind).toBe('storage_full')
    expect((await take(store)).job.id).toBe(ids[0])
    expect((await changed(store, ids[0] ?? '', 'completed')).state).toBe('done')
    expect((await newest(store, 100)).length).toBe(ids.length)
  })

  it('delays the end of a running job, and no operation overtakes it', async () => {
    const path = join(await temporaryFolder(), 'foreman.db')
    const store = await temporaryStore({ path, maxPages: 1000 })
    const { id } = await put(store, { caller: 'none' })
    await take(store)
    const [other = ''] = await fill(store, 100 * KIB)
    const told: string[] = []
    const ends = [
      changed(store, id, 'completed', { output: outputOf(1500 * KIB) }).catch((error: Error) =>
        told.push(error.message),
      ),
      changed(store, other, 'cancelled').catch((error: Error) => told.push(error.message)),
    ]
    // Nothing can be sent now; ask again in a second.
    expect(await store.claim(claimRequest({ now: 5000 }))).toEqual({
      kind: 'empty',
      availableAt: 6000,
      isStorageFull: true,
    })
    expect([await store.get(id), await store.get(other)]).toMatchObject([{ state: 'loading' }, { state: 'queued' }])
    expect(told).toEqual([])
    // A close before there was room is reported, and the next start finds the job unchanged.
    await store.close()
    await Promise.all(ends)
    expect(told).toEqual(Array(2).fill(expect.stringContaining('closed before the disk had room')))
    expect(await (await temporaryStore({ path })).recover(1, 3)).toMatchObject({ requeued: 1 })
  })

  it('is over after pruning, and delayed operations are done', async () => {
    const { store, told, healed } = await smallStore()
    const first = await put(store, { caller: 'none', bytes: 1500 * KIB })
    await changed(store, first.id, 'cancelled', { now: 1 })
    const second = await put(store, { caller: 'none', bytes: 0 })
    expect((await take(store)).job.id).toBe(second.id)
    await fill(store, 100 * KIB)
    const ending = changed(store, second.id, 'completed', { output: outputOf(700 * KIB) })
    expect(await store.prune(2, 10)).toBe(1)
    expect(await ending).toMatchObject({ state: 'done' })
    await healed
    expect(told).toEqual([true, false])
    expect(await responseOf(store, second.id)).toEqual(new Uint8Array(700 * KIB).fill(7))
    expect((await store.enqueue(newJob({ bytes: KIB }), NO_LIMITS)).kind).toBe('enqueued')
  })
})

describe('a store on a full disk', () => {
  const key = { key: 'k', fingerprint: new Uint8Array(32) }

  it('answers a known key with its job, and refuses a new job and a retry', async () => {
    const { store } = await smallStore()
    const job = await put(store, { caller: 'none', idempotency: key })
    await changed(store, job.id, 'cancelled', { now: 9 })
    await fill(store, 100 * KIB)
    const submit = (name: string, bytes: number) =>
      store.enqueue(newJob({ caller: 'none', bytes, idempotency: { ...key, key: name } }), NO_LIMITS)
    expect(await submit('k', 2)).toMatchObject({ kind: 'replayed', job: { id: job.id } })
    expect(await submit('k', 500 * KIB)).toMatchObject({ kind: 'replayed', job: { id: job.id } })
    expect(await submit('other', 2)).toEqual({ kind: 'storage_full' })
    expect(await store.retry({ of: job.id, id: 'again', now: 1, awake: 0 }, NO_LIMITS)).toEqual({
      kind: 'storage_full',
    })
    expect(await store.get('again')).toBeNull()
  })

  it('can delete a job, which makes room', async () => {
    const { store, told: heard, healed } = await smallStore()
    const large = await put(store, { caller: 'none', bytes: 1500 * KIB })
    await changed(store, large.id, 'cancelled')
    await fill(store, 100 * KIB)
    expect(await store.delete(large.id)).toEqual({ kind: 'deleted' })
    await healed
    expect(heard).toEqual([true, false])
    expect((await store.enqueue(newJob({ caller: 'none', bytes: KIB }), NO_LIMITS)).kind).toBe('enqueued')
  })
})

describe('a transaction that finds the disk full', () => {
  it('refuses each of its new jobs and counts none of them', async () => {
    const { db, close, run, counters } = await batchesOn(200)
    expect(run(enqueue(10, 'a'), enqueue(2000 * KIB, 'b'), enqueue(10, 'c'))).toEqual([refused, refused, refused])
    expect(counters.depth).toEqual({ jobs: 0, bytes: 0 })
    expect(counters.states.queued).toBe(0)
    expect(db.isTransaction).toBe(false)
    expect(db.prepare('SELECT count(*) AS jobs FROM jobs').get()).toEqual({ jobs: 0 })
    close()
  })

  it('keeps its changes in order, and a retry applies them', async () => {
    const { db, close, run, counters, batches } = await batchesOn(200)
    run(enqueue(10, 'a'), enqueue(10, 'b'))
    const [cancelled, , paused] = run({ name: 'apply', args: [change('a', 'cancelled')] }, enqueue(2000 * KIB, 'c'), {
      name: 'setPause',
      args: [PAUSE],
    })
    expect([cancelled, paused]).toEqual([undefined, undefined])
    expect(batches.kept.map(({ operation }) => operation.name)).toEqual(['apply', 'setPause'])
    expect(run({ name: 'orphan', args: ['b', 1] }, { name: 'claim', args: [claimRequest()] })[0]).toBeUndefined()
    expect(counters.depth.jobs).toBe(2)
    db.exec('PRAGMA max_page_count = 100000')
    batches.retry()
    expect([batches.full, batches.kept.length]).toEqual([false, 0])
    expect(counters.depth.jobs).toBe(1)
    expect(run({ name: 'queueState', args: [] })[0]).toMatchObject({ result: { pause: PAUSE } })
    expect(db.prepare('SELECT ballast FROM queue_state').get()).toEqual({ ballast: null })
    close()
  })
})

it('the outcome of a webhook is kept while the disk is full, and a deletion goes first', async () => {
  const { close, run, batches, db } = await batchesOn(200)
  const options = withWebhook()
  run({ name: 'enqueue', args: [newJob({ id: 'a', caller: 'none', options }), NO_LIMITS, null] }, enqueue(10, 'b'))
  run({ name: 'apply', args: [change('b', 'cancelled')] })
  const verdict = { kind: 'again', at: 7, reason: 'timeout' } as const
  const settle: StoreOperation = { name: 'settleDelivery', args: [{ jobId: 'a', n: 1, now: 1, verdict }] }
  run({ name: 'setPause', args: [PAUSE] }, enqueue(2000 * KIB, 'c'))
  expect(run(settle, { name: 'redeliver', args: ['a', 1, 2] })).toEqual([undefined, undefined])
  expect(run({ name: 'delete', args: ['b'] })).toEqual([{ kind: 'result', result: { kind: 'deleted' } }])
  db.exec('PRAGMA max_page_count = 100000')
  batches.retry()
  expect(batches.kept).toEqual([])
  // In their order: the try was settled, then asked for again.
  expect(db.prepare('SELECT tries, next_at FROM deliveries').all()).toEqual([{ tries: 0, next_at: 2 }])
  close()
})

it('operations that make room are tried before delayed ones', () => {
  let isFull = true
  const done: string[] = []
  const batches = createBatches({
    transactions: {
      run(_, operations) {
        if (isFull) return operations.map(() => ({ kind: 'full' }))
        done.push(...operations.map(({ name }) => name))
        return operations.map(() => ({ kind: 'result', result: null }))
      },
    },
    answer: () => {},
    watch: () => {},
    fullChanged: () => {},
  })
  batches.run([{ number: 1, operation: { name: 'apply', args: [change('a', 'cancelled')] } }])
  batches.run([{ number: 2, operation: { name: 'delete', args: ['b'] } }])
  isFull = false
  batches.retry()
  expect(done).toEqual(['delete', 'apply', 'diskProbe', 'diskProbe'])
})

it.each([
  ['SQLITE_FULL', 13, 'full'],
  ['SQLITE_IOERR_FSYNC', 1034, 'fatal'],
  ['SQLITE_IOERR_WRITE', 778, 'fatal'],
  ['SQLITE_IOERR_SHMSIZE', 4874, 'fatal'],
  ['SQLITE_CORRUPT', 11, 'fatal'],
  ['SQLITE_NOTADB', 26, 'fatal'],
  ['SQLITE_READONLY', 8, 'fatal'],
  ['SQLITE_BUSY', 5, 'busy'],
  ['SQLITE_CONSTRAINT_UNIQUE', 2067, 'contained'],
  ['SQLITE_TOOBIG', 18, 'contained'],
  ['none of SQLite', null, 'contained'],
] as const)('an SQLite error of %s is %s: %s', (_, errcode, verdict) => {
  expect(verdictOf(errcode)).toBe(verdict)
})
