// A property of the store: for any sequence of operations, the store and its model give the same answers, the same depth and
// the same rows.

import fc from 'fast-check'
import { expect } from 'vitest'
import { CLOUD_AFFINITY, NOTHING_RESIDENT, type Residency } from '../../src/daemon/domain/affinity.ts'
import { type EventName, STATES, TRANSITIONS } from '../../src/daemon/domain/job.ts'
import type { DeliverySettlement, JobChange, Store } from '../../src/daemon/sqlite/store.ts'
import { comparable, QueueModel } from './model.ts'
import { change, claimRequest, newest, newJob, outputOf, withWebhook } from './temporary-store.ts'

const A = 'tiny-a:latest'
const B = 'tiny-b:latest'
const LIMITS = { maxQueue: 8, maxQueueBytes: 20 }
const MAX_ATTEMPTS = 2
const DRAIN_LIMIT_MS = 50

const EVENTS = (Object.keys(TRANSITIONS) as EventName[]).filter(
  (event): event is JobChange['event'] => !event.startsWith('claimed_'),
)

/** Chooses a job, most often one of the newest. */
const back = fc.nat(6)
const caller = fc.constantFrom('live', 'none')
const affinity = fc.constantFrom(A, `${A} num_ctx=8192`, B, CLOUD_AFFINITY)
const residency: fc.Arbitrary<Residency> = fc.record({
  affinity: fc.constantFrom(null, A, B, `${A} num_ctx=8192`),
  foreign: fc.subarray(['tiny-a:latest', 'tiny-b:latest', 'other:latest']),
})

const verdict = fc.constantFrom(
  { kind: 'delivered' } as const,
  { kind: 'again', inMs: 30, reason: 'timeout' } as const,
  { kind: 'given_up', reason: 'unreachable' } as const,
  { kind: 'stopped' } as const,
)

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('enqueue'),
      caller,
      affinity,
      bytes: fc.nat(6),
      events: fc.constantFrom(null, STATES, ['done', 'failed', 'cancelled'] as const),
      receiver: fc.constantFrom('one.lan', 'two.lan'),
      key: fc.constantFrom(null, null, 'k', 'l'),
      print: fc.constantFrom(1, 1, 2),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('retry'), back }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), back }) },
  // Tries a due delivery: of all receivers, or of all but one.
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('deliver'),
      except: fc.constantFrom([], [], ['one.lan:80']),
      which: fc.nat(5),
      verdict,
    }),
  },
  // Late: for a delivery that another one has replaced as the first, or that is not open.
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('settleLate'), back, n: fc.integer({ min: 1, max: 5 }), verdict }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('redeliver'), back, n: fc.integer({ min: 1, max: 5 }) }) },
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
  // Takes the job that was sent, so that runs make progress.
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

async function empty(store: Store): Promise<void> {
  await store.interruptAll(0)
  for (const { id, state } of await newest(store, 100))
    if (state === 'queued') await store.apply(change(id, 'cancelled'))
  await store.prune(Number.MAX_SAFE_INTEGER, 1000)
  expect(await newest(store, 1)).toEqual([])
}

type Verdict = typeof verdict extends fc.Arbitrary<infer T> ? T : never

const verdictAt = (given: Verdict, now: number): DeliverySettlement['verdict'] =>
  given.kind === 'again' ? { kind: 'again', at: now + given.inMs, reason: given.reason } : given

/** Expects the due deliveries of the model, and tries one of them. */
async function deliver(
  store: Store,
  model: QueueModel,
  now: number,
  { except, which, verdict: given }: { except: readonly string[]; which: number; verdict: Verdict },
): Promise<void> {
  const { due, nextAt } = await store.dueDeliveries({ now, limit: 1000, except, underWay: [] })
  const heads = [...model.outboxes].flatMap(([jobId, { head }]) => (head === undefined ? [] : [{ jobId, ...head }]))
  const late = heads.filter((head) => (head.nextAt ?? 0) <= now).map(({ jobId, n, tries }) => `${jobId} ${n} ${tries}`)
  const told = due.map(({ jobId, change: { number }, tries }) => `${jobId} ${number} ${tries}`)
  if (except.length > 0) expect(late).toEqual(expect.arrayContaining(told))
  else {
    expect(new Set(told)).toEqual(new Set(late))
    const later = heads.flatMap((head) => (head.nextAt !== null && head.nextAt > now ? [head.nextAt] : []))
    expect(nextAt).toBe(later.length === 0 ? null : Math.min(...later))
  }
  expect(due.filter(({ receiver }) => except.includes(receiver))).toEqual([])
  const tried = due[which % Math.max(1, due.length)]
  if (tried === undefined) return
  const settlement = { jobId: tried.jobId, n: tried.change.number, now, verdict: verdictAt(given, now) }
  expect(await store.settleDelivery(settlement)).toBe(model.outboxes.get(tried.jobId)?.settle(settlement))
}

/** The data of the jobs: history, deliveries, artifacts. */
async function expectSame(store: Store, model: QueueModel): Promise<void> {
  for (const { id, changes } of model.jobs) {
    const detail = await store.detail(id, NOTHING_RESIDENT)
    const outbox = model.outboxes.get(id)
    expect(detail?.deliveries).toEqual(outbox?.deliveries ?? [])
    expect(detail?.artifacts.length).toBe(model.remains.has(id) ? 2 : 0)
    const history = await store.changes(id)
    expect(history?.at(-1)?.number).toBe(changes)
    if (outbox !== undefined) expect(history).toEqual(outbox.history)
  }
}

/** Runs one step on both, and compares the results. */
async function run(store: Store, model: QueueModel, time: { now: number }, one: Step): Promise<void> {
  const { now } = time
  const nth = (places: number): string => model.jobs.at(-1 - places)?.id ?? 'nobody'
  const apply = async (id: string, event: JobChange['event'], delay: number | null): Promise<void> => {
    const given = () =>
      change(id, event, { now, output: outputOf(3), ...(delay === null ? {} : { availableAt: now + delay }) })
    expect((await store.apply(given())).kind).toBe(model.apply(given()))
  }
  if (one.kind === 'enqueue') {
    const { bytes, affinity: wanted, caller: who, events, receiver, key, print } = one
    const isAsync = who === 'none'
    const options = withWebhook({
      webhookUrl: events === null ? null : `http://${receiver}/`,
      webhookEvents: events ?? [],
    })
    const job = newJob({
      ...{ bytes, affinity: wanted, caller: isAsync ? 'none' : 'live', createdAt: now, createdAwake: now },
      ...(isAsync ? { options } : {}),
      ...(isAsync && key !== null ? { idempotency: { key, fingerprint: new Uint8Array(32).fill(print) } } : {}),
    })
    const expected = model.enqueue(job, LIMITS)
    const result = await store.enqueue(job, LIMITS)
    expect(result.kind === 'replayed' ? { replayed: result.job.id } : result.kind).toEqual(expected)
  } else if (one.kind === 'retry') {
    const template = newJob({ createdAt: now, createdAwake: now })
    const wanted = { of: nth(one.back), id: template.id, now, awake: now }
    const result = await store.retry(wanted, LIMITS)
    expect(result.kind).toBe(model.retry(wanted.of, template, LIMITS))
  } else if (one.kind === 'delete') {
    const id = nth(one.back)
    expect((await store.delete(id)).kind).toBe(model.delete(id))
  } else if (one.kind === 'deliver') await deliver(store, model, now, one)
  else if (one.kind === 'settleLate') {
    const settlement = { jobId: nth(one.back), n: one.n, now, verdict: verdictAt(one.verdict, now) }
    const expected = model.outboxes.get(settlement.jobId)?.settle(settlement) ?? false
    expect(await store.settleDelivery(settlement)).toBe(expected)
  } else if (one.kind === 'redeliver') {
    const expected = model.outboxes.get(nth(one.back))?.redeliver(one.n, now) ?? false
    expect(await store.redeliver(nth(one.back), one.n, now)).toBe(expected)
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
    model.end('crash', MAX_ATTEMPTS, now)
  } else if (one.kind === 'stop') {
    await store.interruptAll(now)
    model.end('stop', MAX_ATTEMPTS, now)
  }
  expect(store.depth).toEqual(model.depth)
}

export function queueProperty(store: Store): fc.IAsyncPropertyWithHooks<[Step[]]> {
  return fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    await empty(store)
    const model = new QueueModel(await store.queueState())
    const time = { now: 1_000_000 }
    for (const one of steps) await run(store, model, time, one)
    expect((await newest(store, 100)).map(comparable)).toEqual(model.jobs.map(comparable).reverse())
    await expectSame(store, model)
    const open = [...model.outboxes.values()].flatMap(({ deliveries }) => deliveries)
    expect(await store.pendingDeliveries()).toBe(open.filter(({ status }) => status === 'pending').length)
    const { loading, working } = await store.countByState()
    expect(loading + working).toBeLessThanOrEqual(1)
    expect(await store.queueState()).toMatchObject({
      lastAffinity: model.lastAffinity,
      swappedAwake: model.swappedAwake,
    })
  })
}
