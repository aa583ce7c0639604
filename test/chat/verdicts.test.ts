// Every answer gets a verdict, and no truncated one is passed off as whole, on any surface.

import { describe, expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { type Call, Caller, chat, read } from '../caller.ts'
import {
  breaksWith,
  busy,
  cut,
  FakeOllama,
  fails,
  hangsUp,
  page,
  raw,
  type Script,
  stalls,
  unmarked,
} from '../fake-ollama.ts'
import { passTime, type Running, startForeman, until } from '../harness.ts'

const jobs = async (url: string) => (await read<StatusDocument>(url, '/status')).counters.jobs
const say = { messages: [{ role: 'user', content: 'x' }] }

const SURFACES: readonly (readonly [name: string, call: Call, record: RegExp])[] = [
  ['/api/chat', { body: { model: 'tiny-a', ...say } }, /\n\{"error":"[^"]+"\}\n$/],
  ['/api/generate', { path: '/api/generate', body: { model: 'tiny-a', prompt: 'x' } }, /\n\{"error":"[^"]+"\}\n$/],
  [
    '/v1/chat/completions',
    { path: '/v1/chat/completions', body: { model: 'tiny-a', stream: true, ...say } },
    /\n\ndata: \{"error":\{"message":"[^"]+","type":"api_error","param":null,"code":null\}\}\n\n$/,
  ],
  [
    '/v1/messages',
    { path: '/v1/messages', body: { model: 'tiny-a', stream: true, max_tokens: 5, ...say } },
    /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"[^"]+"\}\}\n\n$/,
  ],
  [
    '/v1/responses',
    { path: '/v1/responses', body: { model: 'tiny-a', stream: true, input: 'x' } },
    /\n\nevent: response\.failed\ndata: \{"type":"response\.failed".+\}\n\n$/,
  ],
]

describe('a streamed answer that ends before its terminal marker', () => {
  it.each(SURFACES)('cleanly on %s ends with an error record of the API and a cut', async (_name, call, record) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on(call.path ?? '/api/chat', unmarked())
    const answer = await new Caller(url, call).answer()
    expect(answer.cut).toBe(true)
    expect(answer.body).toMatch(record)
    expect((await jobs(url))['failed']).toBe(1)
  })

  it.each(SURFACES)(
    'inside a record on %s ends with an error record on a new line and a cut',
    async (_name, call, record) => {
      await using fake = await FakeOllama.start()
      const { url } = await startForeman(fake)
      fake.on(call.path ?? '/api/chat', cut('fin', 1, true))
      const answer = await new Caller(url, call).answer()
      expect(answer.cut).toBe(true)
      expect(answer.body).toMatch(record)
      expect((await jobs(url))['failed']).toBe(1)
      expect(fake.workers).toHaveLength(1)
    },
  )

  it('with its own error record is passed on and cut, without a second record', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', breaksWith('an error was encountered while running the model: unexpected EOF'))
    const answer = await chat(url).answer()
    expect(answer.cut).toBe(true)
    expect(answer.body.match(/"error"/g)).toHaveLength(1)
    expect((await jobs(url))['failed']).toBe(1)
  })
})

/** Ollama's own message about ollama.com, unlike the error page of a proxy. */
const CLOUD_AWAY = fails(502, 'Post "https://ollama.com:443/api/chat": dial tcp: lookup ollama.com: no such host')

describe("a 502 with Ollama's own JSON", () => {
  it('is final for a waiting call, because a retry could not help', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', CLOUD_AWAY)
    const answer = await new Caller(url, { body: { model: 'x:cloud', ...say } }).answer()
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([502, expect.stringContaining('no such host')])
    expect(fake.workers).toHaveLength(1)
  })
})

describe('an unstreamed answer', () => {
  const unstreamed = { body: { model: 'tiny-a', stream: false, ...say } }
  it.each<readonly [string, Script, number, string]>([
    ['without done is a 502', unmarked(), 502, 'incomplete_stream'],
    ['with an error in a 200 is a 502', breaksWith('boom'), 502, 'target_error'],
    ['that is HTML is a 502', page(200), 502, 'bad_answer'],
    ['that is a redirect is a 502', { status: 301, headers: [['Location', 'http://127.0.0.1:1/']] }, 502, 'bad_answer'],
    ['that is not HTTP is a 502', raw('SSH-2.0-OpenSSH_9.2\r\n'), 502, 'bad_answer'],
  ])('%s becomes a 502', async (_name, script, status, code) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', script)
    const answer = await new Caller(url, unstreamed).answer()
    expect([answer.status, answer.headers['x-foreman-error'], answer.cut]).toEqual([status, code, false])
    expect(JSON.parse(answer.body)).toHaveProperty('error')
    expect((await jobs(url))['failed']).toBe(1)
  })
})

describe('an HTTP error of the target', () => {
  it.each([
    [400, '"tiny-a" does not support chat'],
    [404, "model 'tiny-a' not found"],
    [500, 'model runner has unexpectedly stopped, this may be due to resource limitations'],
    [503, 'something else than a full queue'],
  ])('with status %i is final and passed on with its text', async (status, text) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', fails(status, text))
    const answer = await chat(url).answer()
    expect([answer.status, answer.body, answer.cut]).toEqual([status, JSON.stringify({ error: text }), false])
    expect(answer.headers['x-foreman-error']).toBeUndefined()
    expect(fake.workers).toHaveLength(1)
  })

  it('larger than the held-back part is streamed', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const body = JSON.stringify({ error: 'x'.repeat(300_000) })
    fake.on('/api/chat', { status: 500, body })
    const answer = await chat(url).answer()
    expect([answer.status, answer.body === body, answer.cut]).toEqual([500, true, false])
  })
})

/** Advances the clock until the target has seen this many attempts. */
async function tries(count: number, fake: FakeOllama, running: Pick<Running, 'clock' | 'url'>): Promise<void> {
  await until(`${count} tries`, async () => {
    await passTime(running, fake, 500)
    return fake.workers.length >= count
  })
}

describe('a lost connection to the target', () => {
  it.each([
    ['before a byte', hangsUp()],
    ['by a reset', hangsUp('rst')],
  ])('(%s) is retried FOREMAN_MAX_ATTEMPTS times and then reported', async (_name, script) => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0 } })
    fake.always('/api/chat', script)
    const caller = chat(running.url)
    await tries(3, fake, running)
    const answer = await caller.answer()
    expect([answer.status, answer.headers['x-foreman-error']]).toEqual([502, 'attempts_exhausted'])
    expect(fake.workers.map((request) => request.header('x-foreman-attempt'))).toEqual(['1', '2', '3'])
  })

  it('is retried after 1, 2 and 4 s', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0, maxAttempts: 4 } })
    fake.always('/api/chat', hangsUp())
    const caller = chat(running.url)
    for (const [attempt, wait] of [1_000, 2_000, 4_000].entries()) {
      await fake.seen(attempt + 1)
      await passTime(running, fake, 0)
      await passTime(running, fake, wait - 1)
      expect(fake.workers).toHaveLength(attempt + 1)
      await passTime(running, fake, 1)
    }
    expect(fake.workers).toHaveLength(4)
    expect((await caller.answer()).status).toBe(502)
  })
})

describe('a busy target', () => {
  it.each([
    ['Ollama’s full queue', busy()],
    ['a proxy’s 502', page(502)],
    ['a proxy’s 503', page(503)],
    ['a proxy’s 504', page(504)],
  ])('(%s) costs no attempt: the job waits and is sent again', async (_name, script) => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0 } })
    fake.on('/api/chat', script, script, script, script)
    const caller = chat(running.url)
    await tries(5, fake, running)
    expect((await caller.answer()).status).toBe(200)
    expect(fake.workers.map((request) => request.header('x-foreman-attempt'))).toEqual(['1', '1', '1', '1', '1'])
  })

  it('that stays busy ends the job with its own answer after ten times the attempts', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0, maxAttempts: 1 } })
    fake.always('/api/chat', busy())
    const caller = chat(running.url)
    await fake.seen(1)
    while (fake.workers.length < 11) await passTime(running, fake, 30_000)
    const answer = await caller.answer()
    expect([answer.status, answer.body]).toEqual([503, String(busy().body)])
  })
})

describe('a run without bytes', () => {
  it('continues while the target answers on new connections', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake, { config: { heartbeatMs: 0 } })
    fake.hold('load')
    const caller = chat(url)
    await fake.waiting('load')
    await passTime({ clock, url }, fake, 20 * 60_000)
    expect(fake.workers).toHaveLength(1)
    fake.release('load')
    expect((await caller.answer()).status).toBe(200)
  })

  it.each([12_000, 35_000, 60_000])(
    'is stalled after a FOREMAN_STALL_LIMIT of %i ms although the target answers',
    async (stallLimitMs) => {
      await using fake = await FakeOllama.start()
      const { url, clock } = await startForeman(fake, { config: { heartbeatMs: 0, stallLimitMs } })
      fake.on('/api/chat', stalls(1))
      const caller = chat(url)
      await caller.hears('Hello')
      await passTime({ clock, url }, fake, stallLimitMs)
      const answer = await caller.answer()
      expect(answer.body).toContain('FOREMAN_STALL_LIMIT')
      expect(answer.cut).toBe(true)
      expect(await fake.workers[0]?.over).toBe('aborted')
    },
  )

  it('is lost and retried if the target does not answer on new connections either', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake, { config: { heartbeatMs: 0, unreachableGraceMs: 3_600_000 } })
    fake.on('/api/chat', stalls())
    const caller = chat(url)
    await fake.next('/api/chat')
    fake.sleep()
    await passTime({ clock, url }, fake, 70_000)
    expect((await jobs(url))['queued']).toBe(1)
    fake.wake()
    await tries(2, fake, { clock, url })
    expect((await caller.answer()).status).toBe(200)
  })

  it('is ended after FOREMAN_RUN_LIMIT', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake, { config: { heartbeatMs: 0, runLimitMs: 5_000 } })
    fake.hold('load')
    const caller = chat(url)
    await fake.waiting('load')
    clock.advance(5_000)
    const answer = await caller.answer()
    expect([answer.status, answer.headers['x-foreman-error']]).toEqual([504, 'run_limit'])
  })
})
