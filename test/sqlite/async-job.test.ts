// Data of an async job besides its row: options, history, output, key. Also its retry and its deletion.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { NOTHING_RESIDENT } from '../../src/daemon/domain/affinity.ts'
import { INLINE_BYTES, type JobOutput } from '../../src/daemon/domain/artifact.ts'
import { type Idempotency, NO_OPTIONS } from '../../src/daemon/domain/job.ts'
import type { Store } from '../../src/daemon/sqlite/store.ts'
import {
  changed,
  NO_LIMITS,
  newest,
  newJob,
  outputOf,
  put,
  resident,
  responseOf,
  sharedStore,
  take,
  temporaryFolder,
  temporaryStore,
  withWebhook,
} from './temporary-store.ts'

const shared = sharedStore()

const detailOf = async (store: Store, id: string) => {
  const detail = await store.detail(id, NOTHING_RESIDENT)
  if (detail === null) throw new Error(`${id} is not there`)
  return detail
}

const patterned = (bytes: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 8)) % 251)

/** A job that ended with `remains`. */
async function ended(store: Store, remains: JobOutput): Promise<string> {
  const { id } = await put(store, { caller: 'none' })
  await take(store)
  await changed(store, id, 'completed', { output: remains })
  return id
}

const key = (name: string, print = 1): Idempotency => ({ key: name, fingerprint: new Uint8Array(32).fill(print) })

describe('the options of an async job', () => {
  it('are stored unchanged', async () => {
    const store = await shared.store()
    const options = withWebhook({
      label: 'nightly',
      startBeforeMs: 5,
      finishBeforeMs: 6.4,
      isJson: true,
      webhookEvents: ['done'],
    })
    const job = await put(store, { caller: 'none', options })
    expect(job).toMatchObject({ changes: 1, retryOf: null, options: { ...options, finishBeforeMs: 6 } })
    expect(await store.get(job.id)).toEqual(job)
    await changed(store, job.id, 'cancelled')
  })

  it('are in its row with everything else about the new job', async () => {
    const store = await shared.store()
    const odd = { contentType: 'text/plain', contentEncoding: null, stream: true, loadOnly: true, createdAt: 7.6 }
    for (const caller of ['none', 'live'] as const)
      for (const bytes of [0, 1, 4096, 4097, 100_000]) {
        const options = caller === 'none' ? { options: withWebhook({ startBeforeMs: 2.5 }) } : {}
        const job = await put(store, { ...odd, ...options, caller, bytes, createdAwake: 0.4 })
        expect(await store.get(job.id)).toEqual(job)
        await changed(store, job.id, 'cancelled')
      }
  })

  it('are empty without options', async () => {
    const store = await shared.store()
    const job = await put(store, { caller: 'none' })
    expect(job.options).toEqual(NO_OPTIONS)
    await changed(store, job.id, 'cancelled')
  })
})

describe('the history of a job', () => {
  it('that is async has every change, numbered without a gap, and ends with the row', async () => {
    const store = await shared.store()
    const { id } = await put(store, { caller: 'none', createdAt: 10 })
    await take(store, { now: 20 })
    await changed(store, id, 'first_byte', { now: 30 })
    await changed(store, id, 'connection_lost', { now: 40 })
    await take(store, { now: 50, residency: resident('tiny-a:latest') })
    const job = await changed(store, id, 'completed', { now: 60 })
    expect(await store.changes(id)).toEqual([
      { number: 1, state: 'queued', previous: null, attempt: 0, at: 10 },
      { number: 2, state: 'loading', previous: 'queued', attempt: 1, at: 20 },
      { number: 3, state: 'working', previous: 'loading', attempt: 1, at: 30 },
      { number: 4, state: 'queued', previous: 'working', attempt: 1, at: 40 },
      { number: 5, state: 'working', previous: 'queued', attempt: 2, at: 50 },
      { number: 6, state: 'done', previous: 'working', attempt: 2, at: 60 },
    ])
    expect(job.changes).toBe(6)
  })

  it('has the changes by a stop and a crash', async () => {
    const store = await temporaryStore()
    const { id } = await put(store, { caller: 'none', options: withWebhook() })
    await take(store, { now: 20 })
    await store.interruptAll(30)
    await take(store, { now: 40 })
    await store.recover(50, 3)
    await take(store, { now: 60 })
    await store.recover(70, 2)
    const changes = (await store.changes(id)) ?? []
    // A crash may have lost a `working` that watchers have seen, so its number is not used again.
    expect(changes.map(({ number }) => number)).toEqual([1, 2, 3, 4, 6, 7, 9])
    const states = changes.map(({ state, attempt }) => `${state} ${attempt}`)
    expect(states).toEqual(['queued 0', 'loading 1', 'queued 0', 'loading 1', 'queued 1', 'loading 2', 'failed 2'])
    expect((await detailOf(store, id)).deliveries.map(({ state }) => state)).toEqual(
      states?.map((state) => state.split(' ')[0]),
    )
  })

  it('that is a waiting call is derived from its row, with the numbers that it had live', async () => {
    const store = await shared.store()
    const { id } = await put(store, { createdAt: 10 })
    await take(store, { now: 20 })
    expect((await store.changes(id))?.map(({ number, state }) => [number, state])).toEqual([
      [1, 'queued'],
      [2, 'loading'],
    ])
    await changed(store, id, 'first_byte', { now: 30 })
    await changed(store, id, 'target_busy', { now: 40 })
    await take(store, { now: 50 })
    await changed(store, id, 'first_byte', { now: 60 })
    const { changes } = await changed(store, id, 'completed', { now: 70 })
    expect(changes).toBe(7)
    expect(await store.changes(id)).toEqual([
      { number: 1, state: 'queued', previous: null, attempt: 0, at: 10 },
      { number: 5, state: 'loading', previous: 'queued', attempt: 1, at: 50 },
      { number: 6, state: 'working', previous: 'loading', attempt: 1, at: 60 },
      { number: 7, state: 'done', previous: 'working', attempt: 1, at: 70 },
    ])
  })

  it('that is a waiting call never sent has its start and its end', async () => {
    const store = await shared.store()
    const { id } = await put(store, { createdAt: 10 })
    await changed(store, id, 'cancelled', { now: 20 })
    expect((await store.changes(id))?.map(({ number, state, previous }) => [number, state, previous])).toEqual([
      [1, 'queued', null],
      [2, 'cancelled', 'queued'],
    ])
  })

  it('that does not exist is null', async () => {
    expect(await (await shared.store()).changes('nobody')).toBeNull()
  })

  it('that is a waiting call needs no row', async () => {
    const path = join(await temporaryFolder(), 'foreman.db')
    const store = await temporaryStore({ path })
    const { id } = await put(store)
    await take(store)
    await changed(store, id, 'completed', { output: outputOf(3) })
    const reader = new DatabaseSync(path, { readOnly: true })
    for (const table of ['changes', 'deliveries', 'artifacts', 'pieces', 'results', 'idempotency']) {
      expect(reader.prepare(`SELECT count(*) AS rows FROM ${table}`).get()).toEqual({ rows: 0 })
    }
    reader.close()
  })
})

describe('an artifact', () => {
  it('has the ETag of its bytes and is inline up to 256 KiB', async () => {
    const store = await shared.store()
    for (const bytes of [0, 1, INLINE_BYTES, INLINE_BYTES + 1]) {
      const body = patterned(bytes)
      const etag = createHash('sha256').update(body).digest('hex')
      const response = { name: 'response', contentType: 'application/json', body } as const
      const id = await ended(store, { artifacts: [response], result: null, responseIsResult: true })
      const { artifacts, result } = await detailOf(store, id)
      const inline = bytes <= INLINE_BYTES ? patterned(bytes) : null
      expect(artifacts).toEqual([{ name: 'response', contentType: 'application/json', bytes, etag, inline }])
      expect(result).toEqual(inline === null ? { omitted: true } : { json: inline })
    }
  })

  it('can be read in ranges', async () => {
    const store = await shared.store()
    const bytes = 3 * 256 * 1024 + 7
    const response = { name: 'response', contentType: 'a/b', body: patterned(bytes) } as const
    const id = await ended(store, { artifacts: [response], result: null, responseIsResult: false })
    const whole = patterned(bytes)
    const edges = [0, 1, 262143, 262144, 262145, 524288, bytes - 1, bytes]
    for (const from of edges) {
      for (const to of edges) {
        const part = await store.artifact(id, 'response', from, to)
        expect(Buffer.compare(part ?? Buffer.from('none'), whole.subarray(from, Math.max(from, to)))).toBe(0)
      }
    }
    expect((await store.artifact(id, 'response', bytes - 2, bytes + 100))?.byteLength).toBe(2)
    expect((await store.artifact(id, 'response', bytes + 5, bytes + 100))?.byteLength).toBe(0)
  })

  it('that does not exist is null', async () => {
    const store = await shared.store()
    const id = await ended(store, outputOf(1))
    expect(await store.artifact(id, 'completions', 0, 1)).toBeNull()
    expect(await store.artifact('nobody', 'response', 0, 1)).toBeNull()
  })

  it("is saved in the transaction of its job's end, or not at all", async () => {
    const store = await temporaryStore()
    const { id } = await put(store, { caller: 'none', options: withWebhook() })
    await take(store)
    const [artifact] = outputOf(1).artifacts
    const artifacts = artifact === undefined ? [] : [artifact, artifact]
    await expect(changed(store, id, 'completed', { output: { ...outputOf(1), artifacts } })).rejects.toThrow(/UNIQUE/)
    expect(await detailOf(store, id)).toMatchObject({ job: { state: 'loading', changes: 2 }, artifacts: [] })
    expect((await store.changes(id))?.length).toBe(2)
    expect((await detailOf(store, id)).deliveries.length).toBe(2)
  })
})

describe('a result', () => {
  const json = (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(bytes).fill(0x20)

  it('is shown unless it is larger than 256 KiB', async () => {
    const store = await shared.store()
    const ofBytes = async (bytes: number) => {
      const id = await ended(store, { ...outputOf(5), result: json(bytes), responseIsResult: false })
      return (await detailOf(store, id)).result
    }
    expect(await ofBytes(3)).toEqual({ json: json(3) })
    expect(await ofBytes(INLINE_BYTES)).toEqual({ json: json(INLINE_BYTES) })
    expect(await ofBytes(INLINE_BYTES + 1)).toEqual({ omitted: true })
  })

  it('is null if the job has none', async () => {
    const store = await shared.store()
    const id = await ended(store, { ...outputOf(5), responseIsResult: false })
    expect((await detailOf(store, id)).result).toBeNull()
  })
})

describe('an idempotency key', () => {
  it('returns its job for the same content, and is refused for other content', async () => {
    const store = await temporaryStore()
    const job = await put(store, { caller: 'none', idempotency: key('k') })
    const again = newJob({ caller: 'none', idempotency: key('k') })
    expect(await store.enqueue(again, NO_LIMITS)).toEqual({ kind: 'replayed', job })
    expect(await store.enqueue(newJob({ caller: 'none', idempotency: key('k', 2) }), NO_LIMITS)).toEqual({
      kind: 'key_reused',
    })
    expect(store.depth.jobs).toBe(1)
    expect((await newest(store, 9)).length).toBe(1)
  })

  it('is checked before the limits', async () => {
    const store = await temporaryStore()
    const job = await put(store, { caller: 'none', idempotency: key('k') })
    const none = { maxQueue: 0, maxQueueBytes: 0 }
    const submit = (name: string) => store.enqueue(newJob({ caller: 'none', bytes: 0, idempotency: key(name) }), none)
    expect(await submit('k')).toEqual({ kind: 'replayed', job })
    expect(await submit('other')).toEqual({ kind: 'queue_full' })
  })

  it('of fifty submissions at once creates one job', async () => {
    const store = await temporaryStore()
    const submit = () => store.enqueue(newJob({ caller: 'none', idempotency: key('k') }), NO_LIMITS)
    const results = await Promise.all(Array.from({ length: 50 }, submit))
    expect(results.map(({ kind }) => kind)).toEqual(['enqueued', ...Array(49).fill('replayed')])
    const ids = results.map((result) => ('job' in result ? result.job.id : null))
    expect(new Set(ids).size).toBe(1)
  })

  it('is free again after its job is deleted', async () => {
    const store = await temporaryStore()
    const { id } = await put(store, { caller: 'none', idempotency: key('k') })
    await changed(store, id, 'cancelled')
    await store.delete(id)
    expect((await put(store, { caller: 'none', idempotency: key('k', 2) })).id).not.toBe(id)
  })
})

describe('a retry', () => {
  const retry = (of: string, id: string) => ({ of, id, now: 9000, awake: 70 })

  it('is a new job with the old body and options, and the old job stays unchanged', async () => {
    const store = await temporaryStore()
    const options = withWebhook({ label: 'x', startBeforeMs: 50 })
    const old = await put(store, { caller: 'none', body: patterned(700), options, idempotency: key('k') })
    await take(store)
    const final = await changed(store, old.id, 'completed', { output: outputOf(4) })
    const result = await store.retry(retry(old.id, 'again'), NO_LIMITS)
    expect(result).toMatchObject({
      kind: 'enqueued',
      job: {
        ...{ id: 'again', state: 'queued', retryOf: old.id, caller: 'none', changes: 1, attempt: 0, options },
        ...{ createdAt: 9000, createdAwake: 70, startedAt: null, finishedAt: null, error: null, measured: null },
        ...{ model: old.model, affinity: old.affinity, endpoint: old.endpoint, bodyBytes: 700 },
      },
    })
    expect(store.depth).toEqual({ jobs: 1, bytes: 700 })
    expect((await detailOf(store, 'again')).deliveries).toMatchObject([{ n: 1, state: 'queued', status: 'pending' }])
    expect(await store.get(old.id)).toEqual(final)
    expect(await store.overdue(9049, 9)).toEqual({ overdue: [], nextAt: 9050 })
    const claimed = await take(store)
    expect([claimed.job.id, Buffer.compare(claimed.body, patterned(700))]).toEqual(['again', 0])
  })

  it('of a retry works after the first job is deleted', async () => {
    const store = await temporaryStore()
    const { id } = await put(store, { caller: 'none', body: patterned(9) })
    await changed(store, id, 'cancelled')
    await store.retry(retry(id, 'second'), NO_LIMITS)
    await store.delete(id)
    await changed(store, 'second', 'cancelled')
    expect(await store.retry(retry('second', 'third'), NO_LIMITS)).toMatchObject({ job: { retryOf: 'second' } })
    expect(Buffer.compare((await take(store)).body, patterned(9))).toBe(0)
  })

  it('is refused for an unknown or unfinished job, a deleted body, or a full queue', async () => {
    const store = await temporaryStore()
    const live = await put(store)
    expect(await store.retry(retry('nobody', 'a'), NO_LIMITS)).toEqual({ kind: 'unknown' })
    expect(await store.retry(retry(live.id, 'a'), NO_LIMITS)).toEqual({ kind: 'active', state: 'queued' })
    await changed(store, live.id, 'cancelled')
    expect(await store.retry(retry(live.id, 'a'), NO_LIMITS)).toEqual({ kind: 'body_gone' })
    const { id } = await put(store, { caller: 'none' })
    await changed(store, id, 'cancelled')
    const full = { maxQueue: 0, maxQueueBytes: 0 }
    expect(await store.retry(retry(id, 'a'), full)).toEqual({ kind: 'queue_full' })
    expect(await store.get('a')).toBeNull()
    expect(store.depth.jobs).toBe(0)
  })
})

describe('deletion', () => {
  it('removes everything of a job, open deliveries included', async () => {
    const path = join(await temporaryFolder(), 'foreman.db')
    const store = await temporaryStore({ path })
    const kept = await put(store, { caller: 'none', options: withWebhook() })
    const { id } = await put(store, {
      caller: 'none',
      options: withWebhook({ webhookUrl: 'http://other.lan/' }),
      idempotency: key('k'),
    })
    await take(store)
    await changed(store, kept.id, 'cancelled')
    await take(store)
    await changed(store, id, 'completed', { output: outputOf(9) })
    expect(await store.pendingDeliveries()).toBe(6)
    expect(await store.delete(id)).toEqual({ kind: 'deleted' })
    expect([await store.get(id), await responseOf(store, id), await store.changes(id)]).toEqual([null, null, null])
    expect(await store.pendingDeliveries()).toBe(3)
    expect(await store.countByState()).toMatchObject({ done: 1, cancelled: 1 })
    await store.close()
    const reader = new DatabaseSync(path, { readOnly: true })
    const rows = (table: string, key: string) => reader.prepare(`SELECT DISTINCT ${key} AS of FROM ${table}`).all()
    for (const table of ['jobs', 'bodies', 'changes', 'deliveries']) {
      expect(rows(table, 'sequence')).toEqual([{ of: kept.sequence }])
    }
    for (const table of ['artifacts', 'pieces', 'results', 'idempotency']) expect(rows(table, '1')).toEqual([])
    expect(rows('receivers', 'receiver')).toEqual([{ of: 'hooks.lan:80' }])
    reader.close()
  })

  it('is refused for an unfinished or unknown job', async () => {
    const store = await temporaryStore()
    const { id } = await put(store, { caller: 'none' })
    expect(await store.delete(id)).toEqual({ kind: 'active', state: 'queued' })
    await take(store)
    expect(await store.delete(id)).toEqual({ kind: 'active', state: 'loading' })
    expect(await store.delete('nobody')).toEqual({ kind: 'unknown' })
    expect(await store.get(id)).toMatchObject({ state: 'loading' })
  })
})
