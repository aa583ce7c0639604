// An odd or late answer of the target affects only its own job: the daemon continues.

import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { call, get } from '../caller.ts'
import { FakeOllama, raw } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'

const CHAT = { body: { model: 'tiny-a', stream: false, messages: [{ role: 'user', content: 'x' }] } }
const EMBED = { path: '/api/embed', body: { model: 'tiny-embed', input: 'x' } }

describe('an invalid reason phrase', () => {
  it.each([
    ['of a chat', '/api/chat', CHAT, '{"done":true}'],
    ['of an embedding', '/api/embed', EMBED, '{"embeddings":[]}'],
  ])('%s is left out, and the answer is passed on', async (_name, path, request, body) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const head = Buffer.from(
      `HTTP/1.1 200 \xff\xfe\x80\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
      'latin1',
    )
    fake.on(path, raw(Buffer.concat([head, Buffer.from(body)])))
    const answer = await call(url, request)
    expect([answer.status, answer.body]).toEqual([200, body])
    expect((await get(url, '/healthz')).status).toBe(200)
  })
})

describe('a target that shows a model slowly', () => {
  it('does not end a call whose caller does not read when it answers after the cached answer began', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock, logged } = await startForeman(fake)
    await until('the inventory is there', async () => (await get(url, '/api/tags')).body.includes('tiny-a'))
    fake.always('/api/show', { body: JSON.stringify({ template: 'x'.repeat(7_000_000) }) })
    const body = JSON.stringify({ model: 'tiny-a' })
    expect((await call(url, { path: '/api/show', body })).status).toBe(200)
    fake.always('/api/show', { body: '{"template":"new"}', gate: 'show' }).hold('show')
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.pause()
    socket.write(`POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    await fake.waiting('show')
    clock.advance(1_000)
    const late = fake.requests('/api/show').at(-1)
    fake.release('show')
    await late?.over
    // Its bytes have been read when another answer has arrived through the same event loop.
    for (let turn = 0; turn < 20; turn++) expect((await get(url, '/healthz')).status).toBe(200)
    expect(logged.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
  })
})
