// FOREMAN_KEEP_ALIVE is added when a job is sent, and never replaces a longer time that another program has set.

import { describe, expect, it } from 'vitest'
import { keepAliveMs, takesKeepAlive } from '../../src/daemon/request/keep-alive.ts'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { call, chat, read } from '../caller.ts'
import { job } from '../domain/job-example.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { passTime, startForeman, until } from '../harness.ts'

const status = (url: string): Promise<StatusDocument> => read<StatusDocument>(url, '/status')
const pin = (fake: FakeOllama) =>
  call(fake.url, { body: { model: 'tiny-a', messages: [{ role: 'user', content: 'x' }], keep_alive: -1, owner: true } })
/** The keep_alive values of the jobs that were sent. */
const sent = (fake: FakeOllama): unknown[] =>
  fake.workers.flatMap(({ json }) => (json['owner'] === true ? [] : [json['keep_alive']]))
const isPinned = async (fake: FakeOllama): Promise<boolean> =>
  (await call(fake.url, { method: 'GET', path: '/api/ps' })).body.includes('"expires_at":"2319')

describe('the keep_alive that foreman adds', () => {
  it('is FOREMAN_KEEP_ALIVE for a model that is not resident', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await chat(url).answer()
    expect(sent(fake)).toEqual(['30m'])
  })

  it('is absent for a model that its owner has pinned, which stays pinned', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await pin(fake)
    await chat(url).answer()
    expect(sent(fake)).toEqual([undefined])
    expect(await isPinned(fake)).toBe(true)
  })

  it('is chosen when the job is sent, not when it is queued', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { url } = running
    await call(url, { path: '/pause' })
    const caller = chat(url)
    await until('it waits', async () => (await status(url)).queue.waiting === 1)
    await passTime(running, fake, 0)
    await pin(fake)
    await call(url, { path: '/resume' })
    await caller.answer()
    expect(sent(fake)).toEqual([undefined])
    expect(await isPinned(fake)).toBe(true)
  })

  it('does not replace the pin of the job before it', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const first = chat(url, 'tiny-a', { keep_alive: -1 })
    await first.hears('Hello')
    const second = chat(url)
    await until('it waits', async () => (await status(url)).queue.waiting === 1)
    fake.release('middle')
    await Promise.all([first.answer(), second.answer()])
    expect(sent(fake)).toEqual([-1, undefined])
    expect(await isPinned(fake)).toBe(true)
  })

  it('is absent with FOREMAN_KEEP_ALIVE=none', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { keepAlive: null } })
    await chat(url).answer()
    expect(sent(fake)).toEqual([undefined])
  })

  const NOW = Date.parse('2026-01-06T12:00:00Z')
  const resident = (expiresAt: string) => [
    { name: 'Tiny-A:latest', sizeVram: 0, size: 0, contextLength: null, expiresAt },
  ]
  it.each<[string, Parameters<typeof resident>[0], boolean, boolean]>([
    ['is put in where the model would go sooner', '2026-01-06T12:29:59Z', true, true],
    ['is not put in where the model would stay longer', '2026-01-06T12:30:01Z', true, false],
    ['is not put in where the model is pinned', '2319-03-03T03:09:29.452216955Z', true, false],
    ['is put in where the time cannot be read', 'soon', true, true],
    ['is not put in beside one', '2026-01-06T12:00:01Z', false, false],
  ])('is right for %s', (_, expiresAt, lacksKeepAlive, expected) => {
    const waiting = job({ model: 'tiny-a', lacksKeepAlive })
    expect(takesKeepAlive(waiting, '30m', resident(expiresAt), NOW)).toBe(expected)
  })

  it.each([
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['90s', 90_000],
    ['90', 90_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
    ['500ms', 500],
  ])('of %s is %i ms', (text, ms) => {
    expect(keepAliveMs(text)).toBe(ms)
  })
})
