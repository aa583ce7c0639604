// A chat through the queue is the target's stream: every byte, as soon as it arrives, and no faster than it is read.

import { describe, expect, it } from 'vitest'
import { Caller, call, chat, get } from '../caller.ts'
import { FakeOllama, huge, says, sliced } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'

describe('a streamed chat', () => {
  it('arrives record by record while the model generates', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const caller = chat(url)
    await caller.hears('"Hello"')
    fake.hold('end').release('middle')
    await caller.hears('" world"')
    expect(caller.heard).not.toContain('"done":true')
    fake.release('end')
    const answer = await caller.answer()
    expect(answer.status).toBe(200)
    expect(answer.cut).toBe(false)
  })

  it.each([
    ['/api/chat', { messages: [{ role: 'user', content: 'hi' }] }],
    ['/api/chat', { messages: [{ role: 'user', content: 'hi' }], stream: false }],
    ['/api/generate', { prompt: 'hi' }],
    ['/api/generate', { prompt: 'hi', stream: false }],
    ['/api/generate', {}],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }], stream: true }],
    ['/v1/completions', { prompt: 'hi', stream: true }],
    ['/v1/messages', { messages: [{ role: 'user', content: 'hi' }], max_tokens: 5, stream: true }],
    ['/v1/messages', { messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 }],
    ['/v1/responses', { input: 'hi', stream: true }],
    ['/v1/responses', { input: 'hi' }],
    ['/v1/images/generations', { prompt: 'hi' }],
  ])("%s %j equals the target's own bytes, status and type", async (path, body) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const warm = { path, body: { model: 'tiny-a', ...body } }
    await call(fake.url, warm)
    const direct = await call(fake.url, warm)
    const through = await call(url, warm)
    expect(through.body).toBe(direct.body)
    expect([through.status, through.headers['content-type']]).toEqual([direct.status, direct.headers['content-type']])
    expect(through.headers['x-foreman-job-id']).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
  })

  it("is complete whatever the target's chunk boundaries", async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', { ...says('Grüße', ' 🦙', '!'), ...sliced(1) })
    const answer = await chat(url).answer()
    const words = answer.body
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { message: { content: string } }).message.content)
    expect(words.join('')).toBe('Grüße 🦙!')
    expect(answer.cut).toBe(false)
  })

  it('is paced by its reader, and continues when it reads on', async () => {
    await using fake = await FakeOllama.start()
    const { url, daemon } = await startForeman(fake)
    fake.on('/api/chat', huge(40_000_000))
    const caller = chat(url)
    await caller.hears('Hello')
    await caller.stopReading()
    const request = await fake.next('/api/chat')
    await request.stuck()
    expect(request.written).toBeLessThan(30_000_000)
    expect(daemon.url).toBe(url)
    await caller.resume()
    const answer = await caller.answer()
    expect(answer.cut).toBe(false)
    expect(answer.body.trimEnd().endsWith('}')).toBe(true)
    expect(caller.bytes).toBeGreaterThan(35_000_000)
  })

  it('ends if its caller takes no byte for FOREMAN_CLIENT_STALL, and the next job starts', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake)
    fake.on('/api/chat', huge(40_000_000))
    const stuck = chat(url)
    await stuck.hears('Hello')
    await stuck.stopReading()
    const request = await fake.next('/api/chat')
    await request.stuck()
    await until('the caller is disconnected', () => {
      // Bytes that the kernel took since the last read count as a read: then the caller has another minute.
      clock.advance(60_000)
      return request.isOver
    })
    expect(await request.over).toBe('aborted')
    expect((await chat(url).answer()).body).toContain('"done":true')
  })
})

describe('a request to the target', () => {
  it('has the body byte for byte, with only keep_alive added, and no caller headers but that', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const body =
      ' {"model":"tiny-a", "options":{"seed":12345678901234567890,"temperature":1.0},\n"messages":[{"role":"user","content":"\\ud800 \\u00e9"}]}'
    await new Caller(url, {
      body,
      headers: { Authorization: 'Bearer x', Origin: 'http://localhost', 'User-Agent': 'me' },
    }).answer()
    const seen = await fake.next('/api/chat')
    expect(seen.body.toString()).toBe(body.replace('{', '{"keep_alive":"30m",'))
    expect(seen.header('host')).toBe(`127.0.0.1:${fake.port}`)
    expect(seen.header('authorization')).toBeUndefined()
    expect(seen.header('origin')).toBeUndefined()
    expect(seen.header('x-foreman-attempt')).toBe('1')
    expect(seen.header('x-foreman-job-id')).toMatch(/^[0-9A-Z]{26}$/)
  })

  it('has the unchanged body if it has a keep_alive or comes on /v1', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const native = '{"model":"tiny-a","keep_alive":null,"messages":[{"role":"user","content":"x"}]}'
    const openai = '{"model":"tiny-a","messages":[{"role":"user","content":"x"}]}'
    await call(url, { body: native })
    await call(url, { path: '/v1/chat/completions', body: openai })
    expect((await fake.next('/api/chat')).body.toString()).toBe(native)
    expect((await fake.next('/v1/chat/completions')).body.toString()).toBe(openai)
  })

  it("carries the target's token, never the caller's", async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { ollamaToken: 'theirs', token: 'mine' } })
    await chat(url, 'tiny-a', {}, { Authorization: 'Bearer mine' }).answer()
    expect((await fake.next('/api/chat')).header('authorization')).toBe('Bearer theirs')
  })

  it('carries the Basic credentials of the target with jobs, embeddings and probes', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { ollamaBasic: 'üser:a:b' } })
    const basic = `Basic ${Buffer.from('üser:a:b').toString('base64')}`
    await chat(url, 'tiny-a', {}, { Authorization: 'Bearer mine' }).answer()
    await call(url, { path: '/api/embed', body: '{"model":"embedder","input":"x"}' })
    for (const path of ['/api/chat', '/api/embed', '/api/tags', '/api/ps'])
      expect([path, (await fake.next(path)).header('authorization')]).toEqual([path, basic])
  })
})

describe('an unknown model', () => {
  it("gets a 404 with Ollama's text, after one new look at the inventory", async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await call(url, { body: { model: 'tiny-a' } })
    const probes = fake.requests('/api/tags').length
    const answer = await call(url, { body: { model: 'nope', messages: [{ role: 'user', content: 'x' }] } })
    expect([answer.status, answer.body]).toEqual([404, `{"error":"model 'nope' not found"}`])
    expect(fake.requests('/api/tags').length).toBe(probes + 1)
    fake.models = [...fake.models, 'nope:latest']
    expect((await call(url, { body: { model: 'nope', messages: [{ role: 'user', content: 'x' }] } })).status).toBe(200)
  })

  it('is queued while the inventory is unknown', async () => {
    await using fake = await FakeOllama.start()
    await fake.down()
    const { url } = await startForeman(fake)
    const caller = chat(url, 'nope')
    await caller.sent()
    await expect(
      get(url, '/status').then(({ body }) => (JSON.parse(body) as { degraded: boolean }).degraded),
    ).resolves.toBeDefined()
    expect(caller.hasHead).toBe(false)
  })
})
