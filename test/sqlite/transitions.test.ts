// The state machine of the store: each event against each state, with what it does to the attempts.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { NOTHING_RESIDENT } from '../../src/daemon/domain/affinity.ts'
import {
  type EventName,
  isFinal,
  STATES,
  type State,
  TRANSITIONS,
  type Transition,
} from '../../src/daemon/domain/job.ts'
import type { JobChange, Store } from '../../src/daemon/sqlite/store.ts'
import {
  change,
  changed,
  claimRequest,
  newest,
  outputOf,
  put,
  resident,
  responseOf,
  sharedStore,
  take,
  temporaryFolder,
  temporaryStore,
} from './temporary-store.ts'

type Applied = JobChange['event']

const shared = sharedStore()

afterEach(async () => {
  // The next test must not claim jobs that this one left.
  await (await shared.store()).interruptAll(0)
  for (const { id, state } of await newest(await shared.store(), 10)) {
    if (state === 'queued') await changed(await shared.store(), id, 'cancelled')
  }
})

const EVENTS = (Object.keys(TRANSITIONS) as EventName[]).filter(
  (event): event is Applied => event !== 'claimed_cold' && event !== 'claimed_warm',
)
const LEGAL: Readonly<Record<EventName, Transition>> = TRANSITIONS

/** Brings a new job into `state`. */
async function jobIn(store: Store, state: State, caller: 'live' | 'none') {
  const { id } = await put(store, { caller })
  if (state === 'queued') return id
  await take(store, { residency: resident(state === 'loading' ? null : 'tiny-a:latest') })
  if (state === 'done') await changed(store, id, 'completed')
  if (state === 'failed') await changed(store, id, 'target_error')
  if (state === 'cancelled') await changed(store, id, 'cancelled')
  return id
}

async function rowOf(store: Store, id: string) {
  const job = await store.get(id)
  if (job === null) throw new Error(`${id} is not there`)
  return job
}

describe.each(['live', 'none'] as const)('a job whose caller is %s', (caller) => {
  it.each(EVENTS)('changes by %s only from the states of the table', async (event) => {
    const store = await shared.store()
    for (const state of STATES) {
      const id = await jobIn(store, state, caller)
      const before = await rowOf(store, id)
      expect(before.state).toBe(state)
      const result = await store.apply(change(id, event))
      const after = await rowOf(store, id)
      const { from, to, attempt } = LEGAL[event]
      if (from.includes(state)) {
        expect(result).toEqual({ kind: 'applied', job: after, previous: state })
        expect(after).toMatchObject({ state: to, attempt: before.attempt + attempt, changes: before.changes + 1 })
        expect(after.finishedAt).toBe(isFinal(to) ? 3000 : null)
        expect(after.error !== null).toBe(to === 'failed' || to === 'cancelled')
        expect(after.bounces).toBe(['target_busy', 'unreached'].includes(event) ? 1 : 0)
      } else {
        expect(result).toEqual({ kind: 'conflict' })
        expect(after).toEqual(before)
      }
      if (!isFinal(after.state)) await changed(store, id, 'cancelled')
    }
  })
})

describe('a claim', () => {
  it('counts an attempt and is loading if nothing is resident', async () => {
    const store = await shared.store()
    await put(store)
    const { job } = await take(store, { now: 5 })
    expect(job).toMatchObject({ state: 'loading', attempt: 1, startedAt: 5, claimedAt: 5, workingAt: null })
  })

  it('counts an attempt and is working at once if its affinity is resident', async () => {
    const store = await shared.store()
    await put(store)
    const { job } = await take(store, { now: 5, residency: resident('tiny-a:latest') })
    expect(job).toMatchObject({ state: 'working', attempt: 1, startedAt: 5, claimedAt: 5, workingAt: 5 })
  })

  it('keeps the time of the first one and clears the measurements of the last attempt', async () => {
    const store = await shared.store()
    const { id } = await put(store)
    await take(store, { now: 5 })
    const measured = {
      loadMs: 7.4,
      evalMs: 9.6,
      promptTokens: 1,
      completionTokens: 2,
      cachedTokens: 1,
      doneReason: 'stop',
    }
    await changed(store, id, 'first_byte', { now: 6 })
    const lost = await changed(store, id, 'connection_lost', { measured })
    expect(lost).toMatchObject({
      state: 'queued',
      attempt: 1,
      measured: { ...measured, loadMs: 7, evalMs: 10 },
      workingAt: 6,
    })
    const { job } = await take(store, { now: 9 })
    expect(job).toMatchObject({ attempt: 2, startedAt: 5, claimedAt: 9, workingAt: null, measured: null })
  })

  it('finds nothing in an empty queue', async () => {
    const store = await shared.store()
    expect(await store.claim(claimRequest())).toEqual({ kind: 'empty', availableAt: null })
  })
})

describe('a requeued job', () => {
  it('is not claimed before the end of its backoff, and then keeps its position', async () => {
    const store = await shared.store()
    const first = await put(store)
    await take(store)
    const second = await put(store)
    const back = await changed(store, first.id, 'connection_lost', { availableAt: 5000 })
    expect(back).toMatchObject({ state: 'queued', availableAt: 5000 })
    expect((await take(store, { now: 4999 })).job.id).toBe(second.id)
    await changed(store, second.id, 'completed')
    expect(await store.claim(claimRequest({ now: 4999 }))).toEqual({ kind: 'empty', availableAt: 5000 })
    const third = await put(store)
    expect((await take(store, { now: 5000 })).job).toMatchObject({ id: first.id, availableAt: null })
    await changed(store, first.id, 'completed')
    expect((await take(store, { now: 5000 })).job.id).toBe(third.id)
  })
})

describe('the end of a job', () => {
  it('deletes the body of a waiting call and keeps no artifact; an async job keeps both', async () => {
    const path = join(await temporaryFolder(), 'foreman.db')
    const store = await temporaryStore({ path })
    const ids: Record<string, string> = {}
    for (const caller of ['live', 'none'] as const) {
      const { id } = await put(store, { caller })
      await take(store)
      await changed(store, id, 'completed', { output: outputOf(3) })
      ids[caller] = id
    }
    const reader = new DatabaseSync(path, { readOnly: true })
    for (const table of ['bodies', 'artifacts', 'results']) {
      const having = `SELECT DISTINCT jobs.id FROM jobs JOIN ${table} USING (sequence)`
      expect(reader.prepare(having).all()).toEqual([{ id: ids['none'] }])
    }
    reader.close()
  })

  it('saves the artifacts and the result of an async job in the same transaction', async () => {
    const store = await shared.store()
    const { id } = await put(store, { caller: 'none' })
    await take(store)
    expect(await store.detail(id, NOTHING_RESIDENT)).toMatchObject({ artifacts: [], result: null })
    await changed(store, id, 'completed', { output: outputOf(3) })
    const { artifacts, result } = (await store.detail(id, NOTHING_RESIDENT)) ?? {}
    const response = new Uint8Array(3).fill(7)
    expect(artifacts).toMatchObject([
      { name: 'completion', bytes: 4 },
      { name: 'response', inline: response },
    ])
    expect(result).toEqual({ json: response })
  })

  it("keeps the target's error with its body", async () => {
    const store = await shared.store()
    const { id } = await put(store, { caller: 'none' })
    await take(store)
    const error = { code: 'target_error', message: "model 'x' not found", status: 404 } as const
    const job = await changed(store, id, 'target_error', { error, output: outputOf(9) })
    expect(job).toMatchObject({ state: 'failed', error })
    expect(await responseOf(store, id)).toEqual(new Uint8Array(9).fill(7))
  })

  it('is refused without an error if the state needs one, and changes nothing', async () => {
    const store = await shared.store()
    const { id } = await put(store)
    await expect(store.apply({ id, event: 'cancelled', now: 1 })).rejects.toThrow(/CHECK/)
    expect(await rowOf(store, id)).toMatchObject({ state: 'queued' })
  })
})
