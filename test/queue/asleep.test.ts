// A target that sleeps, goes away or has not started yet: jobs wait, no attempt is used up, and callers get an error in time.

import { describe, expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { call, chat, get, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { passTime, startForeman, until } from '../harness.ts'

const status = (url: string): Promise<StatusDocument> => read<StatusDocument>(url, '/status')

describe('an unreachable target', () => {
  it('costs no attempt: the job waits and is sent when it returns', async () => {
    await using fake = await FakeOllama.start()
    await fake.down()
    const running = await startForeman(fake, { config: { heartbeatMs: 0, unreachableGraceMs: 3_600_000 } })
    const caller = chat(running.url)
    await until('it waits', async () => (await status(running.url)).queue.waiting === 1)
    await passTime(running, fake, 600_000)
    await fake.up()
    await passTime(running, fake, 2_000)
    expect((await caller.answer()).status).toBe(200)
    expect(fake.workers.map((request) => request.header('x-foreman-attempt'))).toEqual(['1'])
  })

  it('is probed every 2 s while jobs wait', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0, unreachableGraceMs: 3_600_000 } })
    await fake.down()
    chat(running.url)
    await until('it is noticed', async () => {
      const { degraded, queue } = await status(running.url)
      return degraded && queue.waiting === 1
    })
    await fake.up()
    const before = fake.requests('/api/ps').length
    await passTime(running, fake, 2_000)
    expect(fake.requests('/api/ps').length).toBeGreaterThan(before)
  })

  it('is a real 502 for a waiting call after FOREMAN_UNREACHABLE_GRACE, with its answer not begun', async () => {
    await using fake = await FakeOllama.start()
    await fake.down()
    const running = await startForeman(fake)
    await until('it is known', async () => (await status(running.url)).degraded)
    const caller = chat(running.url)
    await until('it waits', async () => (await status(running.url)).queue.waiting === 1)
    await passTime(running, fake, 59_999)
    expect(caller.hasHead).toBe(false)
    await passTime(running, fake, 1)
    const answer = await caller.answer()
    expect([answer.status, answer.headers['x-foreman-error']]).toEqual([502, 'target_unreachable'])
    expect(JSON.parse(answer.body)).toEqual({ error: 'the target does not answer' })
    const { counters, queue } = await status(running.url)
    expect([counters.jobs['failed'], queue.waiting]).toEqual([1, 0])
  })

  it('that returns within the grace time answers the waiting call', async () => {
    await using fake = await FakeOllama.start()
    await fake.down()
    const running = await startForeman(fake)
    const caller = chat(running.url)
    await until('it waits', async () => (await status(running.url)).queue.waiting === 1)
    await passTime(running, fake, 40_000)
    await fake.up()
    await passTime(running, fake, 2_000)
    expect((await caller.answer()).cut).toBe(false)
  })

  it('fails embeddings at once', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await fake.down()
    const answer = await call(url, { path: '/api/embed', body: { model: 'tiny-embed', input: 'x' } })
    expect([answer.status, answer.headers['x-foreman-error']]).toEqual([502, 'target_unreachable'])
  })
})

describe('a target that a job finds first', () => {
  it('is logged with its version', async () => {
    await using fake = await FakeOllama.start()
    await fake.down()
    const running = await startForeman(fake, { config: { pollIntervalMs: 3_600_000 } })
    await until('it is known', async () => (await status(running.url)).degraded)
    const caller = chat(running.url)
    await until('it waits', async () => (await status(running.url)).queue.waiting === 1)
    await fake.up()
    await passTime(running, fake, 2_000)
    await caller.answer()
    const answers = () => running.logged.filter(({ msg }) => msg === 'the target answers')
    await until('it is logged', () => answers().length > 0)
    expect(answers()).toEqual([expect.objectContaining({ version: '0.17.4' })])
  })
})

describe('a target that falls asleep', () => {
  it('keeps its last inventory, says so, and is logged once', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    await until('it is known', async () => (await status(running.url)).target.version === '0.17.4')
    fake.sleep()
    await passTime(running, fake, 120_000)
    const tags = await get(running.url, '/api/tags')
    expect(tags.status).toBe(200)
    expect(tags.body).toContain('tiny-a:latest')
    expect(tags.headers['x-foreman-target']).toBe('unreachable')
    expect(Number(tags.headers['age'])).toBeGreaterThanOrEqual(90)
    expect(JSON.parse((await get(running.url, '/healthz')).body)).toEqual({ status: 'ok', degraded: true })
    expect(running.logged.filter(({ msg }) => String(msg).startsWith('the target does not answer'))).toHaveLength(1)
  })

  it('continues the queue when it wakes, on new connections', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0, unreachableGraceMs: 3_600_000 } })
    await chat(running.url).answer()
    fake.sleep()
    await passTime(running, fake, 60_000)
    const callers = [chat(running.url), chat(running.url, 'tiny-b')]
    await until('they wait', async () => (await status(running.url)).queue.waiting === 2)
    await passTime(running, fake, 28_800_000 / 100)
    expect(fake.workers).toHaveLength(1)
    fake.wake()
    await passTime(running, fake, 10_000)
    const answers = await Promise.all(callers.map((caller) => caller.answer()))
    expect(answers.map((answer) => [answer.status, answer.cut])).toEqual([
      [200, false],
      [200, false],
    ])
    expect(fake.workers.every((request) => request.header('x-foreman-attempt') === '1')).toBe(true)
    expect(running.logged.filter(({ level }) => level === 'error')).toEqual([])
  })
})

describe('a target that answers probes slowly', () => {
  it('is not unreachable while it streams an answer', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0 } })
    fake.hold('middle')
    const caller = chat(running.url)
    await caller.hears('Hello')
    await passTime(running, fake, 0)
    for (const path of ['/api/tags', '/api/ps', '/api/version']) fake.always(path, { gate: 'slow' })
    fake.hold('slow')
    running.clock.advance(30_000)
    await fake.waiting('slow', 3)
    running.clock.advance(1_000)
    fake.hold('end').release('middle')
    await caller.hears('world')
    running.clock.advance(4_000)
    await until('the probe is over', () =>
      running.logged.some(({ msg }) => String(msg).includes('the target sends an answer')),
    )
    expect((await status(running.url)).degraded).toBe(false)
    fake.release('slow').release('end')
    expect((await caller.answer()).cut).toBe(false)
  })
})

describe('a target that answers only part of the first probe in time', () => {
  it('is probed again within 2 s, not at the next interval', async () => {
    await using fake = await FakeOllama.start()
    fake.always('/api/tags', { gate: 'slow' }).hold('slow')
    for (const path of ['/api/ps', '/api/version']) fake.always(path, { gate: 'late' })
    fake.hold('late')
    const running = await startForeman(fake)
    await fake.waiting('slow')
    await fake.waiting('late', 2)
    running.clock.advance(1_000)
    fake.release('late')
    await until('the other questions are answered', () => fake.log.filter(({ isOver }) => isOver).length >= 2)
    // Those answers have arrived when three later ones have.
    for (let turn = 0; turn < 3; turn++) await status(running.url)
    running.clock.advance(4_000)
    await until('the probe is over', () =>
      running.logged.some(({ msg }) => String(msg).includes('the target sends an answer')),
    )
    expect((await status(running.url)).target.reachable).toBeNull()
    fake.release('slow')
    running.clock.advance(2_000)
    await until('it is known', async () => (await status(running.url)).target.reachable)
  })
})

describe("a server at the target's address that is not Ollama", () => {
  it('makes foreman degraded, with the reason', async () => {
    await using fake = await FakeOllama.start()
    for (const path of ['/api/tags', '/api/ps', '/api/version']) {
      fake.always(path, { status: 200, body: '<html>router</html>', headers: [['Content-Type', 'text/html']] })
    }
    const running = await startForeman(fake)
    await until('it is known', async () => (await status(running.url)).degraded)
    expect((await status(running.url)).target.reason).toContain('not an Ollama')
  })
})
