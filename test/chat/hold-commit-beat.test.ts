// A waiting caller is held in silence for FOREMAN_HEARTBEAT, then kept alive until the target's first byte.

import { describe, expect, it } from 'vitest'
import { Caller, chat } from '../caller.ts'
import { FakeOllama, fails, hangsUp } from '../fake-ollama.ts'
import { passTime, startForeman, until } from '../harness.ts'

const openai = (url: string, stream: boolean): Caller =>
  new Caller(url, {
    path: '/v1/chat/completions',
    body: { model: 'tiny-a', messages: [{ role: 'user', content: 'x' }], stream },
  })
const anthropic = (url: string): Caller =>
  new Caller(url, {
    path: '/v1/messages',
    body: { model: 'tiny-a', messages: [{ role: 'user', content: 'x' }], max_tokens: 3, stream: true },
  })

describe('before the first heartbeat', () => {
  it("only the target's status is sent, so its 500 stays a 500", async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake)
    fake.on('/api/chat', { ...fails(500, 'out of memory'), gate: 'slow' }).hold('slow')
    const caller = chat(url)
    await fake.waiting('slow')
    clock.advance(9_999)
    expect(caller.hasHead).toBe(false)
    fake.release('slow')
    const answer = await caller.answer()
    expect([answer.status, answer.body]).toEqual([500, '{"error":"out of memory"}'])
  })

  it('a queued answer has the job id', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const answer = await chat(url).answer()
    expect(answer.headers['x-foreman-job-id']).toBe((await fake.next('/api/chat')).header('x-foreman-job-id'))
  })
})

describe('after the first heartbeat', () => {
  it.each([
    ['a streamed native chat hears single spaces', (url: string) => chat(url), 'application/x-ndjson', ' '],
    [
      'an unstreamed native chat hears single spaces',
      (url: string) => chat(url, 'tiny-a', { stream: false }),
      'application/json; charset=utf-8',
      ' ',
    ],
    [
      'a load hears single spaces',
      (url: string) => chat(url, 'tiny-a', { messages: [] }),
      'application/json; charset=utf-8',
      ' ',
    ],
    ['an event stream hears comments', (url: string) => openai(url, true), 'text/event-stream', ': waiting\n\n'],
    ['an unstreamed /v1 call hears single spaces', (url: string) => openai(url, false), 'application/json', ' '],
    [
      'an Anthropic stream hears its own ping',
      anthropic,
      'text/event-stream',
      'event: ping\ndata: {"type":"ping"}\n\n',
    ],
  ])('%s arrive, then the whole answer', async (_name, open, type, beat) => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake)
    fake.hold('load')
    const caller = open(url)
    await fake.waiting('load')
    clock.advance(10_000)
    const { status, headers } = await caller.head()
    expect([status, headers['content-type'], headers['x-accel-buffering']]).toEqual([200, type, 'no'])
    await caller.hears(beat)
    clock.advance(10_000)
    await caller.hears(beat + beat)
    fake.release('load')
    const answer = await caller.answer()
    expect(answer.cut).toBe(false)
    expect(answer.body.startsWith(beat + beat)).toBe(true)
    expect(answer.body.length).toBeGreaterThan(2 * beat.length + 20)
    if (type.includes('json')) for (const line of answer.body.trim().split('\n')) JSON.parse(line)
  })

  it('an HTTP error of the target becomes one error record and a cut', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake)
    fake.on('/api/chat', { ...fails(500, 'out of memory'), gate: 'slow' }).hold('slow')
    const caller = chat(url)
    await fake.waiting('slow')
    clock.advance(10_000)
    await caller.hears(' ')
    fake.release('slow')
    const answer = await caller.answer()
    expect([answer.status, answer.body, answer.cut]).toEqual([200, ' {"error":"out of memory"}\n', true])
  })

  it('a failed unstreamed answer is cut, never a 200 with an error inside', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake)
    fake.on('/api/chat', { ...fails(500, 'out of memory'), gate: 'slow' }).hold('slow')
    const caller = chat(url, 'tiny-a', { stream: false })
    await fake.waiting('slow')
    clock.advance(10_000)
    await caller.hears(' ')
    fake.release('slow')
    const answer = await caller.answer()
    expect([answer.body, answer.cut]).toEqual([' ', true])
  })

  it('a lost connection is retried behind the heartbeats, invisible to the caller', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', { ...hangsUp(), gate: 'slow' }).hold('slow')
    const caller = chat(running.url)
    await fake.waiting('slow')
    await passTime(running, fake, 10_000)
    await caller.hears(' ')
    fake.release('slow')
    await fake.workers[0]?.over
    await until('a second attempt', async () => {
      await passTime(running, fake, 1_000)
      return fake.workers.length === 2
    })
    const answer = await caller.answer()
    expect(answer.cut).toBe(false)
    expect(answer.body.trimEnd().endsWith('}')).toBe(true)
    expect(fake.workers[1]?.header('x-foreman-attempt')).toBe('2')
  })
})

describe('FOREMAN_HEARTBEAT=0', () => {
  it('sends nothing before the target answers', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake, { config: { heartbeatMs: 0 } })
    fake.hold('load')
    const caller = chat(url)
    await fake.waiting('load')
    clock.advance(3_600_000)
    expect(caller.hasHead).toBe(false)
    fake.release('load')
    expect((await caller.answer()).body).toMatch(/^\{/)
  })
})
