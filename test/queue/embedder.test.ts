// The embedder is loaded, pinned, and pinned again between jobs, without repeated reloads. Embeddings never wait for a chat.

import { describe, expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { call, chat, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { passTime, startForeman, until } from '../harness.ts'

const status = (url: string): Promise<StatusDocument> => read<StatusDocument>(url, '/status')
const config = { embedModel: 'tiny-embed', heartbeatMs: 0 }
const embed = (url: string) => call(url, { path: '/api/embed', body: { model: 'tiny-embed', input: 'x' } })
const warmed = (fake: FakeOllama): number =>
  fake.requests('/api/embed').filter(({ order, json }) => order.received !== null && json['keep_alive'] === -1).length

describe('the embedder', () => {
  it('is loaded and pinned at the start', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config })
    await until('it is resident', async () =>
      (await status(url)).target.resident.some(({ model }) => model === 'tiny-embed:latest'),
    )
    expect(warmed(fake)).toBe(1)
  })

  it('is warmed again after a reconnect', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config })
    await until('it was warmed', () => warmed(fake) === 1)
    await fake.down()
    await passTime(running, fake, 35_000)
    expect((await status(running.url)).degraded).toBe(true)
    await fake.up()
    await passTime(running, fake, 35_000)
    expect(warmed(fake)).toBe(2)
  })

  it('is pinned again if another client unpinned it, but only with an empty queue', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config })
    await until('it was warmed', () => warmed(fake) === 1)
    await passTime(running, fake, 0)
    fake.hold('middle')
    const caller = chat(running.url)
    await caller.hears('Hello')
    await call(fake.url, { path: '/api/embed', body: { model: 'tiny-embed', input: 'x', keep_alive: '5m' } })
    await passTime(running, fake, 60_000)
    expect(warmed(fake)).toBe(1)
    fake.release('middle')
    await caller.answer()
    await passTime(running, fake, 30_000)
    expect(warmed(fake)).toBe(2)
  })

  it('that never gets pinned is warmed once per interval, not after each probe', async () => {
    await using fake = await FakeOllama.start()
    // Ollama's name for it if a copy of the model was requested first.
    fake.always('/api/ps', { body: JSON.stringify({ models: [{ name: 'other:latest', model: 'other:latest' }] }) })
    const running = await startForeman(fake, { config })
    await until('it was warmed', () => warmed(fake) === 1)
    await passTime(running, fake, 29_000)
    expect(warmed(fake)).toBe(1)
    await passTime(running, fake, 40_000)
    expect(warmed(fake)).toBe(3)
  })

  it('that does not fit beside a worker causes one warning, and no repeated loads', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake, { config })
    await until('it was warmed', () => warmed(fake) === 1)
    await passTime(running, fake, 0)
    for (let turn = 0; turn < 3; turn++) {
      await chat(running.url).answer()
      await passTime(running, fake, 60_000)
    }
    expect(warmed(fake)).toBe(1)
    expect((await status(running.url)).target.slots_too_few).toBe(true)
    const warnings = running.logged.filter(({ msg }) => String(msg).includes('OLLAMA_MAX_LOADED_MODELS=2'))
    expect(warnings).toHaveLength(1)
  })
})

describe('embeddings', () => {
  it('are not delayed by a running chat or a queue', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { heartbeatMs: 0 } })
    fake.hold('middle')
    const first = chat(url)
    await first.hears('Hello')
    const second = chat(url, 'tiny-b')
    await until('one waits', async () => (await status(url)).queue.waiting === 1)
    const answers = await Promise.all(Array.from({ length: 20 }, () => embed(url)))
    expect(answers.every((answer) => answer.status === 200)).toBe(true)
    expect(first.heard).not.toContain('"done":true')
    fake.release('middle')
    await Promise.all([first.answer(), second.answer()])
  })

  it('run in parallel: FOREMAN_EMBED_CONCURRENCY at the target, FOREMAN_EMBED_QUEUE more wait, then a 503', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { heartbeatMs: 0, embedConcurrency: 4, embedQueue: 64 } })
    fake.hold('load')
    const calls = Array.from({ length: 4 + 64 + 1 }, () => embed(url))
    // All are held except one, which found no free slot: the last to arrive.
    const refused = await Promise.race(calls)
    expect([refused.status, refused.headers['x-foreman-error']]).toEqual([503, 'embed_queue_full'])
    await fake.waiting('load', 4)
    expect(fake.requests('/api/embed')).toHaveLength(4)
    fake.release('load')
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(68)
  })
})
