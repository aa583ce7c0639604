// Order of jobs: one at a time, drained by model up to a limit, otherwise oldest first, and held during a pause.

import { describe, expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { type Caller, call, chat, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { passTime, type Running, startForeman, until } from '../harness.ts'

const status = (url: string): Promise<StatusDocument> => read<StatusDocument>(url, '/status')

/** Queues chats one after the other behind one that is held at the gate `middle`. */
async function queued(
  { url }: Running,
  fake: FakeOllama,
  wanted: readonly (readonly [model: string, more?: object])[],
): Promise<Caller[]> {
  fake.hold('middle')
  const first = chat(url, 'tiny-a', { n: 0 })
  await first.hears('Hello')
  const callers = [first]
  for (const [index, [model, more = {}]] of wanted.entries()) {
    callers.push(chat(url, model, { n: index + 1, ...more }))
    await until('it waits', async () => (await status(url)).queue.waiting === index + 1)
  }
  return callers
}

const sentOrder = (fake: FakeOllama): unknown[] => fake.workers.map(({ json }) => json['n'])

describe('the queue', () => {
  it('never has two jobs at the target, however many callers wait', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const models = ['tiny-a', 'tiny-b', 'tiny-c']
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => chat(url, models[i % 3]).answer()))
    expect(answers.every(({ status, cut }) => status === 200 && !cut)).toBe(true)
    await fake.settled()
    expect(fake.overlaps).toEqual([])
    expect(fake.workers).toHaveLength(30)
  })

  it('drains the resident model first, then switches to the oldest job', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake)
    const callers = await queued(running, fake, [
      ['tiny-b'],
      ['tiny-c'],
      ['tiny-a'],
      ['tiny-b'],
      ['tiny-a'],
      ['tiny-c'],
    ])
    fake.release('middle')
    await Promise.all(callers.map((caller) => caller.answer()))
    expect(sentOrder(fake)).toEqual([0, 3, 5, 1, 4, 2, 6])
    expect(fake.loads).toBe(3)
    const { counters } = await status(running.url)
    expect([counters.swaps, counters.swaps_saved]).toEqual([3, 4])
  })

  it('separates requests with different num_ctx, because they make Ollama reload', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake)
    const small = { options: { num_ctx: 512 } }
    const callers = await queued(running, fake, [['tiny-a', small], ['tiny-a'], ['tiny-a', small], ['tiny-a']])
    fake.release('middle')
    await Promise.all(callers.map((caller) => caller.answer()))
    expect(sentOrder(fake)).toEqual([0, 2, 4, 1, 3])
    expect(fake.loads).toBe(2)
  })

  it('treats tiny-a, TINY-A and tiny-a:latest as one model, as Ollama does', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake)
    const callers = await queued(running, fake, [['tiny-b'], ['TINY-A'], ['tiny-a:latest']])
    fake.release('middle')
    await Promise.all(callers.map((caller) => caller.answer()))
    expect(sentOrder(fake)).toEqual([0, 2, 3, 1])
  })

  it('sends cloud models together with the resident one, because they use no GPU', async () => {
    await using fake = await FakeOllama.start({ slots: 1, models: ['tiny-a:latest', 'tiny-b:latest', 'big:cloud'] })
    const running = await startForeman(fake)
    const callers = await queued(running, fake, [['tiny-b'], ['big:cloud'], ['tiny-a']])
    fake.release('middle')
    await Promise.all(callers.map((caller) => caller.answer()))
    expect(sentOrder(fake)).toEqual([0, 2, 3, 1])
    expect((await status(running.url)).counters.swaps).toBe(2)
  })

  it('switches to the oldest job once it has waited FOREMAN_DRAIN_LIMIT, and drains its model', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake)
    const callers = await queued(running, fake, [['tiny-b'], ['tiny-a'], ['tiny-b'], ['tiny-a']])
    running.clock.advance(15 * 60_000)
    fake.release('middle')
    await Promise.all(callers.map((caller) => caller.answer()))
    expect(sentOrder(fake)).toEqual([0, 1, 3, 2, 4])
  })

  it.each([
    ['does not count the time in which the target slept', 0, [2, 1]],
    ['counts the time in which it was awake', 120_000, [1, 2]],
  ])('keeps the drain order: %s', async (_name, awakeMs, order) => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake, {
      config: { drainLimitMs: 180_000, heartbeatMs: 0, unreachableGraceMs: 86_400_000 },
    })
    await chat(running.url, 'tiny-a', { keep_alive: -1 }).answer()
    await call(running.url, { path: '/pause' })
    const callers: Caller[] = []
    for (const [index, model] of ['tiny-b', 'tiny-a'].entries()) {
      callers.push(chat(running.url, model, { n: index + 1 }))
      await until('it waits', async () => (await status(running.url)).queue.waiting === index + 1)
    }
    await passTime(running, fake, 60_000)
    fake.sleep()
    // The next probe notices it, at most 30 s + 5 s later. The time before counts as awake.
    await passTime(running, fake, 36_000)
    expect((await status(running.url)).degraded).toBe(true)
    await passTime(running, fake, 600_000)
    fake.wake()
    await passTime(running, fake, 30_000)
    expect((await status(running.url)).degraded).toBe(false)
    await passTime(running, fake, awakeMs)
    await call(running.url, { path: '/resume' })
    await Promise.all(callers.map((caller) => caller.answer()))
    expect(fake.workers.slice(1).map(({ json }) => json['n'])).toEqual(order)
  })

  it('counts a model that another client loaded as resident', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake)
    const { url } = running
    await call(url, { body: { model: 'tiny-a', messages: [{ role: 'user', content: 'x' }] } })
    await call(fake.url, { body: { model: 'tiny-b', messages: [{ role: 'user', content: 'x' }] } })
    await passTime(running, fake, 30_000)
    expect((await status(url)).target.resident[0]?.model).toBe('tiny-b:latest')
    await call(url, { path: '/pause' })
    const callers = [chat(url, 'tiny-a', { n: 1 }), chat(url, 'tiny-b', { n: 2 })]
    await until('both wait', async () => (await status(url)).queue.waiting === 2)
    await call(url, { path: '/resume' })
    await Promise.all(callers.map((caller) => caller.answer()))
    expect(fake.workers.slice(2).map(({ json }) => json['n'])).toEqual([2, 1])
  })
})

describe('a pause', () => {
  it('holds waiting jobs, lets the running job end, and survives a restart', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { url } = running
    const [first, second] = await queued(running, fake, [['tiny-b']])
    expect(JSON.parse((await call(url, { path: '/pause' })).body)).toMatchObject({ paused: true, until: null })
    fake.release('middle')
    expect((await first?.answer())?.cut).toBe(false)
    expect((await status(url)).queue.waiting).toBe(1)
    expect(second?.hasHead).toBe(false)
    void running.daemon.stop()
    await running.daemon.stop()
    const again = await startForeman(fake, { db: running.config.db })
    expect((await status(again.url)).paused).toBe(true)
    const third = chat(again.url)
    await until('it waits', async () => (await status(again.url)).queue.waiting === 1)
    await call(again.url, { path: '/resume' })
    expect((await third.answer()).status).toBe(200)
  })
})

describe('a full queue', () => {
  it.each([
    ['jobs', { maxQueue: 1 }],
    ['bytes', { maxQueueBytes: 100 }],
  ])('refuses %s with Ollama’s text, and says when to retry', async (_name, config) => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config })
    const callers = await queued(running, fake, [['tiny-b']])
    const refused = await chat(running.url, 'tiny-b').answer()
    expect([refused.status, refused.body]).toEqual([
      503,
      '{"error":"server busy, please try again.  maximum pending requests exceeded"}',
    ])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    fake.release('middle')
    await Promise.all(callers.map((caller) => caller.answer()))
  })
})

describe('a disk with less than FOREMAN_MIN_FREE', () => {
  it('admits no job and says so', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { minFree: Number.MAX_SAFE_INTEGER } })
    const answer = await chat(url).answer()
    expect([answer.status, answer.headers['x-foreman-error'], answer.headers['retry-after']]).toEqual([
      503,
      'storage_full',
      '30',
    ])
    expect(fake.workers).toHaveLength(0)
  })
})
