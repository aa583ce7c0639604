// A caller that hangs up ends its job in any state. A retry that is recognised as one keeps the position.

import { describe, expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { Caller, chat, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { type ForemanOptions, passTime, startForeman, until } from '../harness.ts'

const jobs = async (url: string) => (await read<StatusDocument>(url, '/status')).counters.jobs
const waiting = async (url: string) => (await read<StatusDocument>(url, '/status')).queue.waiting

/** Resolves when only `count` callers are left and the disconnects of the others are saved. */
async function left(url: string, callers: number): Promise<void> {
  const counted = async () => (await read<StatusDocument>(url, '/status')).counters.callers
  await until(`${callers} are left`, async () => (await counted()) === callers)
  await counted()
}

/** Starts foreman with one chat that streams until the gate `middle` opens. */
async function busyForeman(fake: FakeOllama, options: ForemanOptions = {}) {
  const running = await startForeman(fake, options)
  fake.hold('middle')
  const first = chat(running.url)
  await first.hears('Hello')
  return { ...running, first }
}

describe('a caller that hangs up', () => {
  it.each(['fin', 'rst'] as const)(
    "during a stream (%s) closes the target's socket, and the next job starts",
    async (how) => {
      await using fake = await FakeOllama.start()
      const { url, first } = await busyForeman(fake)
      const request = await fake.next('/api/chat')
      first.hangUp(how)
      expect(await request.over).toBe('aborted')
      fake.release('middle')
      expect((await chat(url).answer()).body).toContain('"done":true')
      expect((await jobs(url))['cancelled']).toBe(1)
    },
  )

  it('while the model loads aborts the load', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('load')
    const caller = chat(url)
    const request = await fake.next('/api/chat')
    caller.hangUp()
    expect(await request.over).toBe('aborted')
    fake.release('load')
    await until('it is cancelled', async () => (await jobs(url))['cancelled'] === 1)
  })

  it('while queued never reaches the target', async () => {
    await using fake = await FakeOllama.start()
    const running = await busyForeman(fake)
    const { url, first } = running
    const second = chat(url, 'tiny-b')
    await until('the second waits', async () => (await waiting(url)) === 1)
    second.hangUp()
    await left(url, 1)
    expect((await jobs(url))['cancelled']).toBe(0)
    fake.release('middle')
    await first.answer()
    await passTime(running, fake, 10_000)
    await until('it is cancelled', async () => (await jobs(url))['cancelled'] === 1)
    expect(fake.workers.map(({ json }) => json['model'])).toEqual(['tiny-a'])
  })

  it('with a thousand others at once causes a thousand cancellations, and the daemon keeps working', async () => {
    await using fake = await FakeOllama.start()
    const running = await busyForeman(fake)
    const { url, first } = running
    const callers = Array.from({ length: 300 }, () => chat(url, 'tiny-b'))
    await until('all wait', async () => (await waiting(url)) === 300)
    for (const caller of callers) caller.hangUp('rst')
    await left(url, 1)
    await passTime(running, fake, 10_000)
    await until('all are cancelled', async () => (await jobs(url))['cancelled'] === 300)
    fake.release('middle')
    await first.answer()
    expect(fake.workers).toHaveLength(1)
  })
})

describe('a marked retry', () => {
  const headers = { 'x-stainless-retry-count': '1' }

  it('takes the queue position of the abandoned try', async () => {
    await using fake = await FakeOllama.start()
    const { url, first } = await busyForeman(fake)
    const given = chat(url, 'tiny-b', { n: 1 })
    await until('it waits', async () => (await waiting(url)) === 1)
    const other = chat(url, 'tiny-b', { n: 2 })
    await until('both wait', async () => (await waiting(url)) === 2)
    given.hangUp()
    await left(url, 2)
    const retry = chat(url, 'tiny-b', { n: 1 }, headers)
    await until('it is back', async () => (await read<StatusDocument>(url, '/status')).counters.callers === 3)
    expect(await waiting(url)).toBe(2)
    fake.release('middle')
    await Promise.all([first.answer(), retry.answer(), other.answer()])
    expect(fake.workers.map(({ json }) => json['n'])).toEqual([undefined, 1, 2])
    expect((await jobs(url))['done']).toBe(3)
  })

  it('with the same Idempotency-Key takes that queue position too', async () => {
    await using fake = await FakeOllama.start()
    const { url, first } = await busyForeman(fake)
    const given = chat(url, 'tiny-b', {}, { 'Idempotency-Key': 'k1' })
    await until('it waits', async () => (await waiting(url)) === 1)
    given.hangUp()
    await left(url, 1)
    const retry = chat(url, 'tiny-b', {}, { 'Idempotency-Key': 'k1' })
    await until('it is back', async () => (await read<StatusDocument>(url, '/status')).counters.callers === 2)
    expect(await waiting(url)).toBe(1)
    fake.release('middle')
    await Promise.all([first.answer(), retry.answer()])
    expect(fake.workers).toHaveLength(2)
  })

  it.each([
    ['does not say so', { n: 1 }, {}],
    ['has another body', { n: 2 }, headers],
    ['has another agent', { n: 1 }, { ...headers, 'User-Agent': 'somebody else' }],
    ['has another credential', { n: 1 }, { ...headers, Authorization: 'Bearer other' }],
  ])('with %s is a new job at the end of the queue', async (_name, body, sent) => {
    await using fake = await FakeOllama.start()
    const { url, first } = await busyForeman(fake)
    const given = chat(url, 'tiny-b', { n: 1 })
    await until('it waits', async () => (await waiting(url)) === 1)
    given.hangUp()
    await left(url, 1)
    chat(url, 'tiny-b', body, sent)
    await until('two jobs wait', async () => (await waiting(url)) === 2)
    fake.release('middle')
    await first.answer()
  })
})

describe('an Idempotency-Key', () => {
  it('of a waiting call causes a 409 for a second one', async () => {
    await using fake = await FakeOllama.start()
    const { url, first } = await busyForeman(fake)
    const one = chat(url, 'tiny-b', {}, { 'Idempotency-Key': 'k1' })
    await until('it waits', async () => (await waiting(url)) === 1)
    const two = await chat(url, 'tiny-b', {}, { 'Idempotency-Key': 'k1' }).answer()
    expect([two.status, two.headers['x-foreman-error']]).toEqual([409, 'key_in_use'])
    fake.release('middle')
    await Promise.all([first.answer(), one.answer()])
    expect((await chat(url, 'tiny-b', {}, { 'Idempotency-Key': 'k1' }).answer()).status).toBe(200)
  })

  it('of a refused call is free again', async () => {
    await using fake = await FakeOllama.start()
    const { url, first } = await busyForeman(fake, { config: { maxQueue: 1 } })
    const key = { 'Idempotency-Key': 'k1' }
    expect((await chat(url, 'unknown', {}, key).answer()).status).toBe(404)
    expect((await chat(url, 'unknown', {}, key).answer()).status).toBe(404)
    const held = chat(url, 'tiny-b')
    await until('it waits', async () => (await waiting(url)) === 1)
    const full = await chat(url, 'tiny-b', {}, key).answer()
    expect([full.status, full.headers['x-foreman-error']]).toEqual([503, 'queue_full'])
    fake.release('middle')
    await Promise.all([first.answer(), held.answer()])
    expect((await chat(url, 'tiny-b', {}, key).answer()).status).toBe(200)
  })

  it.each(['', 'k'.repeat(256), 'two, keys'])('%j causes a 400', async (key) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const answer = await new Caller(url, {
      body: { model: 'tiny-a', messages: [] },
      headers: { 'Idempotency-Key': key },
    }).answer()
    expect([answer.status, answer.headers['x-foreman-error']]).toEqual([400, 'bad_request'])
  })
})
