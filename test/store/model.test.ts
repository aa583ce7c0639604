// The store against its model: whatever is asked of a queue in whatever order, both give the same answers, the same depth
// and the same rows.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CLOUD_AFFINITY, type Residency } from '../../src/daemon/affinity.ts'
import { type EventName, TRANSITIONS } from '../../src/daemon/job.ts'
import type { Change, Store } from '../../src/daemon/store/store.ts'
import { comparable, QueueModel } from './model.ts'
import { change, claimRequest, newest, newJob, sharedStore } from './temporary-store.ts'

const A = 'tiny-a:latest'
const B = 'tiny-b:latest'
const LIMITS = { maxQueue: 8, maxQueueBytes: 20 }
const MAX_ATTEMPTS = 2
const DRAIN_LIMIT_MS = 50

const EVENTS = (Object.keys(TRANSITIONS) as EventName[]).filter(
  (event): event is Change['event'] => !event.startsWith('claimed_'),
)

/** Which job: the newest are the interesting ones. */
const back = fc.nat(6)
const caller = fc.constantFrom('live', 'none')
const affinity = fc.constantFrom(A, `${A} num_ctx=8192`, B, CLOUD_AFFINITY)
const residency: fc.Arbitrary<Residency> = fc.record({
  affinity: fc.constantFrom(null, A, B, `${A} num_ctx=8192`),
  foreign: fc.subarray(['tiny-a:latest', 'tiny-b:latest', 'other:latest']),
})

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('enqueue'), caller, affinity, bytes: fc.nat(6) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim'), residency, isBounded: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('change'),
      back,
      event: fc.constantFrom(...EVENTS),
      delay: fc.constantFrom(null, 0, 10, 100),
    }),
  },
  // The one that was sent, so that runs go on.
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('settle'),
      event: fc.constantFrom(...EVENTS),
      delay: fc.constantFrom(null, 10, 100),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('orphan'), back }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('adopt'), back }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tick'), ms: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('crash', 'stop') }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const shared = sharedStore()

async function empty(store: Store): Promise<void> {
  await store.interruptAll(0)
  for (const { id, state } of await newest(store, 100))
    if (state === 'queued') await store.apply(change(id, 'cancelled'))
  await store.prune(Number.MAX_SAFE_INTEGER, 1000)
  expect(await newest(store, 1)).toEqual([])
}

/** Runs one step on both and compares what they say. */
async function run(store: Store, model: QueueModel, time: { now: number }, one: Step): Promise<void> {
  const { now } = time
  const nth = (places: number): string => model.jobs.at(-1 - places)?.id ?? 'nobody'
  const apply = async (id: string, event: Change['event'], delay: number | null): Promise<void> => {
    const given = change(id, event, { now, ...(delay === null ? {} : { availableAt: now + delay }) })
    expect((await store.apply(given)).kind).toBe(model.apply(given))
  }
  if (one.kind === 'enqueue') {
    const { bytes, affinity: wanted, caller: who } = one
    const job = newJob({
      bytes,
      affinity: wanted,
      caller: who === 'live' ? 'live' : 'none',
      createdAt: now,
      createdAwake: now,
    })
    const expected = model.enqueue(job, LIMITS)
    expect((await store.enqueue(job, LIMITS)).kind).toBe(expected)
  } else if (one.kind === 'claim' && model.isIdle) {
    const request = claimRequest({
      now,
      awake: now,
      residency: one.residency,
      drainLimitMs: one.isBounded ? DRAIN_LIMIT_MS : 0,
    })
    const result = await store.claim(request)
    const { swapped, job, availableAt } = { swapped: undefined, job: undefined, availableAt: undefined, ...result }
    expect(job === undefined ? { availableAt } : { id: job.id, swapped }).toEqual(model.claim(request))
  } else if (one.kind === 'change') await apply(nth(one.back), one.event, one.delay)
  else if (one.kind === 'settle') {
    const sent = model.jobs.find(({ state }) => state === 'loading' || state === 'working')
    if (sent !== undefined) await apply(sent.id, one.event, one.delay)
  } else if (one.kind === 'orphan')
    expect(await store.orphan(nth(one.back), now)).toBe(model.orphan(nth(one.back), now))
  else if (one.kind === 'adopt') expect(await store.adopt(nth(one.back))).toBe(model.adopt(nth(one.back)))
  else if (one.kind === 'tick') time.now += one.ms
  else if (one.kind === 'crash') {
    await store.recover(now, MAX_ATTEMPTS)
    model.end('crash', MAX_ATTEMPTS)
  } else if (one.kind === 'stop') {
    await store.interruptAll(now)
    model.end('stop', MAX_ATTEMPTS)
  }
  expect(store.depth).toEqual(model.depth)
}

it('whatever is asked of the queue, it does what its model does', { timeout: 120_000 }, async () => {
  const store = await shared.store()
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    await empty(store)
    const model = new QueueModel(await store.queueState())
    const time = { now: 1_000_000 }
    for (const one of steps) await run(store, model, time, one)
    expect((await newest(store, 100)).map(comparable)).toEqual(model.jobs.map(comparable).reverse())
    const { loading, working } = await store.countByState()
    expect(loading + working).toBeLessThanOrEqual(1)
    expect(await store.queueState()).toMatchObject({
      lastAffinity: model.lastAffinity,
      swappedAwake: model.swappedAwake,
    })
  })
  await fc.assert(property, { numRuns: 200 })
})
