// A pause that unloads the target's models, one that ends by itself, and the embedder while the queue is paused.

import { describe, expect, it } from 'vitest'
import type { PauseDocument, StatusDocument } from '../../src/protocol/wire.ts'
import { call, chat, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { passTime, type Running, startForeman, until } from '../harness.ts'

const status = (url: string): Promise<StatusDocument> => read<StatusDocument>(url, '/status')
const pause = async (url: string, body?: object): Promise<PauseDocument> =>
  JSON.parse((await call(url, { path: '/pause', ...(body === undefined ? {} : { body }) })).body) as PauseDocument
const resume = (url: string) => call(url, { path: '/resume' })
const embedder = { config: { embedModel: 'tiny-embed', heartbeatMs: 0 } }

/** Requests that load the embedder and pin it. */
const warmed = (fake: FakeOllama): number =>
  fake.requests('/api/embed').filter(({ order, json }) => order.received !== null && json['keep_alive'] === -1).length
const unloads = (fake: FakeOllama): unknown[] =>
  fake.requests('/api/generate').flatMap(({ json }) => (json['keep_alive'] === 0 ? [json['model']] : []))

async function stopped({ daemon }: Running): Promise<void> {
  void daemon.stop()
  await daemon.stop()
}

describe('a pause with unload', () => {
  it('waits for the running job, then unloads every model, embedders included, and names them', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, embedder)
    const { url } = running
    await until('the embedder is warm', async () => fake.memory.models.includes('tiny-embed:latest'))
    fake.hold('middle')
    const caller = chat(url)
    await caller.hears('Hello')
    const answer = pause(url, { unload: true })
    await until('it is paused', async () => (await status(url)).paused)
    await passTime(running, fake, 10_000)
    expect((await status(url)).pause.unload).toMatchObject({ state: 'pending', reason: null })
    expect(unloads(fake)).toEqual([])
    fake.release('middle')
    expect((await caller.answer()).cut).toBe(false)
    const { unload, paused } = await answer
    expect(paused).toBe(true)
    expect(unload?.state).toBe('done')
    expect([...(unload?.unloaded ?? [])].sort()).toEqual(['tiny-a:latest', 'tiny-embed:latest'])
    expect(fake.memory.models).toEqual([])
    await fake.settled()
    expect(fake.overlaps).toEqual([])
  })

  it('is answered within a minute if the running job takes longer', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.hold('middle')
    const caller = chat(running.url)
    await caller.hears('Hello')
    const answer = pause(running.url, { unload: true })
    await until('it is paused', async () => (await status(running.url)).paused)
    await passTime(running, fake, 55_000)
    expect((await answer).unload?.state).toBe('pending')
    fake.release('middle')
    await caller.answer()
    await until('it is unloaded', async () => (await status(running.url)).pause.unload?.state === 'done')
    expect(fake.memory.models).toEqual([])
  })

  it('names the models that stay loaded, and why', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    await chat(running.url).answer()
    fake.always('/api/generate', { status: 404, body: '{"error":"model \'tiny-a:latest\' not found"}' })
    const answer = pause(running.url, { unload: true })
    await until('it was asked', async () => unloads(fake).length === 1)
    await passTime(running, fake, 10_000)
    expect((await answer).unload).toEqual({
      state: 'incomplete',
      unloaded: [],
      still_loaded: ['tiny-a:latest'],
      reason: 'HTTP 404: {"error":"model \'tiny-a:latest\' not found"}',
    })
  })

  it('says that the target does not answer, and unloads when it returns', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    await chat(running.url).answer()
    fake.always('/api/ps', { status: 502, body: '' })
    const { unload } = await pause(running.url, { unload: true })
    expect(unload).toMatchObject({ state: 'pending', reason: 'GET /api/ps answered HTTP 502' })
    fake.plain('/api/ps')
    await passTime(running, fake, 4_000)
    expect((await status(running.url)).pause.unload).toMatchObject({ state: 'done', unloaded: ['tiny-a:latest'] })
  })

  it('is completed after a restart that interrupted it', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { shutdownGraceMs: 0 } })
    fake.hold('middle')
    const caller = chat(running.url)
    await caller.hears('Hello')
    void pause(running.url, { unload: true })
    await until('it is paused', async () => (await status(running.url)).paused)
    await stopped(running)
    expect(fake.memory.models).toEqual(['tiny-a:latest'])
    const again = await startForeman(fake, { db: running.config.db })
    await until('it is unloaded', async () => fake.memory.models.length === 0)
    expect((await status(again.url)).paused).toBe(true)
  })

  it('never unloads while a job is at the target, also if the queue is resumed meanwhile', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    await chat(running.url).answer()
    fake.on('/api/generate', { gate: 'unload' })
    fake.hold('unload')
    const answer = pause(running.url, { unload: true })
    await fake.waiting('unload')
    const caller = chat(running.url)
    await until('it waits', async () => (await status(running.url)).queue.waiting === 1)
    await resume(running.url)
    expect((await answer).paused).toBe(false)
    for (let look = 0; look < 3; look++) await status(running.url)
    expect(fake.requests('/api/chat')).toHaveLength(1)
    fake.release('unload')
    expect((await caller.answer()).status).toBe(200)
  })
})

describe('a pause with an end', () => {
  it('ends by itself', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { since, until: end } = await pause(running.url, { for: '10m' })
    expect(Date.parse(end ?? '') - Date.parse(since ?? '')).toBe(600_000)
    const caller = chat(running.url)
    await passTime(running, fake, 599_000)
    expect((await status(running.url)).paused).toBe(true)
    await passTime(running, fake, 1_000)
    expect((await caller.answer()).status).toBe(200)
    expect((await status(running.url)).pause).toEqual({ paused: false, since: null, until: null, unload: null })
  })

  it('ends by the wall clock, because timers stop while the machine sleeps', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    await pause(running.url, { for: '2h' })
    running.clock.sleep(7_200_000)
    await passTime(running, fake, 60_000)
    expect((await status(running.url)).paused).toBe(false)
  })

  it('does not last longer if the clock is set back', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    await pause(running.url, { for: '10m' })
    await passTime(running, fake, 300_000)
    running.clock.jump(-86_400_000)
    await passTime(running, fake, 60_000)
    const { until: end } = (await status(running.url)).pause
    expect(Date.parse(end ?? '') - running.clock.now()).toBe(240_000)
    await passTime(running, fake, 240_000)
    expect((await status(running.url)).paused).toBe(false)
  })

  it('continues after a restart, but not longer than requested, even if the clock was set back', async () => {
    await using fake = await FakeOllama.start()
    const first = await startForeman(fake)
    first.clock.jump(86_400_000)
    await pause(first.url, { for: '10m' })
    await stopped(first)
    const second = await startForeman(fake, { db: first.config.db })
    expect((await status(second.url)).paused).toBe(true)
    await passTime(second, fake, 599_000)
    expect((await status(second.url)).paused).toBe(true)
    await passTime(second, fake, 1_000)
    expect((await status(second.url)).paused).toBe(false)
  })

  it('is over at a start after its end', async () => {
    await using fake = await FakeOllama.start()
    const first = await startForeman(fake)
    first.clock.jump(-86_400_000)
    await pause(first.url, { for: '10m' })
    await stopped(first)
    const second = await startForeman(fake, { db: first.config.db })
    expect((await chat(second.url).answer()).status).toBe(200)
    await stopped(second)
    const third = await startForeman(fake, { db: first.config.db })
    expect((await status(third.url)).pause).toMatchObject({ paused: false, until: null })
  })

  it('is replaced by a later pause and keeps its own start', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { since } = await pause(running.url, { for: '1m' })
    running.clock.advance(30_000)
    expect(await pause(running.url)).toMatchObject({ since, until: null })
    await passTime(running, fake, 180_000)
    expect((await status(running.url)).paused).toBe(true)
  })
})

describe('concurrent pauses and resumes', () => {
  it('leave the daemon and its database in the state of the last one', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { url } = running
    for (let turn = 0; turn < 10; turn++) await Promise.all([pause(url), resume(url), pause(url)])
    const { paused } = await status(url)
    await stopped(running)
    const again = await startForeman(fake, { db: running.config.db })
    expect((await status(again.url)).paused).toBe(paused)
  })
})

describe('the embedder of a paused queue', () => {
  it('is not loaded or pinned until the queue is resumed', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, embedder)
    const { url } = running
    await until('it is warm', () => warmed(fake) === 1)
    await passTime(running, fake, 0)
    await pause(url)
    await call(fake.url, { path: '/api/embed', body: { model: 'tiny-embed', input: 'x', keep_alive: 0 } })
    fake.memory.unload('tiny-embed:latest')
    await passTime(running, fake, 120_000)
    await fake.down()
    await passTime(running, fake, 60_000)
    await fake.up()
    await passTime(running, fake, 60_000)
    expect(warmed(fake)).toBe(1)
    const callers = [chat(url), chat(url)]
    await until('they wait', async () => (await status(url)).queue.waiting === 2)
    fake.hold('middle')
    await resume(url)
    await until('it is warm again', () => warmed(fake) === 2)
    fake.release('middle')
    await Promise.all(callers.map((caller) => caller.answer()))
    expect((await status(url)).target.slots_too_few).toBe(false)
  })

  it('stops loading', async () => {
    await using fake = await FakeOllama.start()
    fake.hold('load')
    const running = await startForeman(fake, embedder)
    await fake.waiting('load')
    await pause(running.url)
    const [request] = fake.requests('/api/embed')
    await until('its connection is closed', () => request?.isOver === true)
    fake.release('load')
    await passTime(running, fake, 60_000)
    expect(fake.memory.models).toEqual([])
  })
})
