// Requests to the target and its answers: headers, bytes, connections, back-pressure, and aborts by foreman.

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { answerHeaders } from '../../src/daemon/ollama/exchange.ts'
import { huge, raw, stalls } from '../fake-ollama.ts'
import { CollectingSink } from './collecting-sink.ts'
import { chat, fakeAndTarget, jsonRequest, sendDirect, sendJob, targetAt } from './with-target.ts'

const GET_PS = { method: 'GET', path: '/api/ps', headers: {}, body: null }

test('the body is sent byte for byte', async () => {
  const { fake, target } = await fakeAndTarget()
  const body = Buffer.from('{"model":"tiny-a","n":12345678901234567890,"f":1.0, "messages":[{"content":"\\ud800 é"}]}')
  const { sink } = sendJob(target, { ...chat(), body })
  await sink.ended
  const request = await fake.next()
  expect(request.sha256).toBe(createHash('sha256').update(body).digest('hex'))
  expect(request.header('content-length')).toBe(String(body.length))
})

test("the target gets its own host, foreman's user agent and no credentials of the caller", async () => {
  const { fake, target } = await fakeAndTarget()
  const headers = {
    Authorization: 'Bearer caller',
    Host: 'evil.example',
    origin: 'http://evil.example',
    cookie: 'a=b',
    'x-api-key': 'caller',
    connection: 'close',
    te: 'trailers',
    expect: '100-continue',
    'user-agent': 'curl',
    'accept-encoding': 'gzip',
    'content-length': '1',
    'X-Foreman-Job-Id': '01J',
  }
  const { sink } = sendJob(target, { ...chat(), headers: { ...headers, 'content-type': 'application/json' } })
  await sink.ended
  const request = await fake.next()
  expect(request.head.rawHeaders).toEqual([
    ['host', `127.0.0.1:${fake.port}`],
    ['connection', 'keep-alive'],
    ['user-agent', 'foreman'],
    ['accept-encoding', 'identity'],
    ['x-foreman-hop', 'hop'],
    ['X-Foreman-Job-Id', '01J'],
    ['content-type', 'application/json'],
    ['content-length', String(request.body.length)],
  ])
})

test("the target's token is sent with every request", async () => {
  const { fake, target } = await fakeAndTarget({}, { token: 'secret' })
  await sendJob(target).sink.ended
  await sendDirect(target, GET_PS).sink.ended
  await target.probe(5_000)
  await target.ping(5_000)
  await target.warm('tiny-embed')
  expect(new Set(fake.log.map((request) => request.header('authorization')))).toEqual(new Set(['Bearer secret']))
})

test('a path prefix and a query are kept', async () => {
  const fake = await fakeAndTarget().then(({ fake }) => fake)
  const target = targetAt(`${fake.url}/gpu/1/`)
  await sendDirect(target, { ...GET_PS, path: '/api/status?x=1' }).sink.ended
  await target.probe(5_000)
  expect(fake.log.map(({ path }) => path).sort()).toEqual(
    ['/gpu/1/api/ps', '/gpu/1/api/status', '/gpu/1/api/tags', '/gpu/1/api/version'].sort(),
  )
  expect(fake.log[0]?.query).toBe('x=1')
})

test('an answer keeps its status, reason, headers and bytes', async () => {
  const { fake, target } = await fakeAndTarget()
  const head =
    'HTTP/1.1 418 I am a teapot\r\nX-CaSe: One\r\nx-case: Two\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\n'
  fake.on('/api/chat', raw(Buffer.concat([Buffer.from(head), Buffer.from([0, 255, 10, 128])])))
  const { sink } = sendJob(target)
  await sink.ended
  expect([sink.status, sink.reason]).toEqual([418, 'I am a teapot'])
  expect(sink.headers).toEqual([
    ['X-CaSe', 'One'],
    ['x-case', 'Two'],
    ['Content-Type', 'text/x'],
    ['Content-Length', '4'],
  ])
  expect(sink.bytes).toBe(4)
})

test('hop-by-hop headers, cookies and CORS headers are not passed on', () => {
  const raw = [
    ...['Connection', 'keep-alive, X-Hop', 'Keep-Alive', 'timeout=5', 'X-Hop', '1', 'Transfer-Encoding', 'chunked'],
    ...['Set-Cookie', 'a=b', 'Access-Control-Allow-Origin', '*', 'Proxy-Authenticate', 'Basic', 'Trailer', 'X'],
    ...['Upgrade', 'h2c', 'TE', 'trailers', 'Content-Type', 'text/plain', 'X-Kept', 'é'],
  ]
  expect(answerHeaders(raw.map((text) => Buffer.from(text, 'latin1')))).toEqual([
    ['Content-Type', 'text/plain'],
    ['X-Kept', 'é'],
  ])
})

test('jobs and pings share one connection', async () => {
  const { fake, target } = await fakeAndTarget()
  for (let round = 0; round < 5; round++) {
    expect((await target.ping(5_000)).kind).toBe('answered')
    const { sink, exchange } = sendJob(target)
    expect(await sink.ended).toEqual({ kind: 'end' })
    await exchange.settled
  }
  expect(fake.connections).toBe(1)
  expect(fake.log.at(-1)?.turn).toBe(10)
})

test('a second job while one is under way throws', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', stalls())
  const { exchange } = sendJob(target)
  expect(() => target.sendJob(chat(), new CollectingSink())).toThrow('in use')
  await expect(target.ping(5_000)).rejects.toThrow('in use')
  exchange.abort()
  await exchange.settled
  expect((await target.ping(5_000)).kind).toBe('answered')
})

test('passed-through requests run beside a job and beside each other', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.hold('head')
  const { sink: job } = sendJob(target)
  const direct = [1, 2, 3].map((n) =>
    sendDirect(target, jsonRequest('/api/embed', { model: 'tiny-embed', input: `${n}` })),
  )
  await fake.waiting('head', 4)
  fake.release('head')
  for (const { sink } of direct) expect(await sink.ended).toEqual({ kind: 'end' })
  expect(await job.ended).toEqual({ kind: 'end' })
  expect(fake.connections).toBe(4)
})

test('an abort while the target is silent closes its socket', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', stalls())
  const { sink, exchange } = sendJob(target)
  const request = await fake.next('/api/chat')
  exchange.abort()
  exchange.abort()
  expect(sink.calls).toEqual(['lost'])
  // The abort is reported at once, but the connection is free only when its socket is closed.
  expect(() => target.sendJob(chat(), new CollectingSink())).toThrow('in use')
  expect(await sink.loss()).toMatchObject({ kind: 'aborted' })
  await exchange.settled
  expect(await request.over).toBe('aborted')
})

test('an abort during an answer closes its socket, and nothing arrives after it', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.hold('middle')
  const { sink, exchange } = sendJob(target)
  const request = await fake.next('/api/chat')
  await sink.got(1)
  exchange.abort()
  fake.release('middle')
  expect(await request.over).toBe('aborted')
  await exchange.settled
  expect(sink.calls).toEqual(['head', 'data', 'lost'])
  expect(request.order.ended).toBeNull()
})

test('an abort from a callback of the answer takes effect at once', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', huge(10_000_000))
  const sink = new CollectingSink()
  const { data } = CollectingSink.prototype
  sink.data = (chunk) => {
    exchange.abort()
    return data.call(sink, chunk)
  }
  const exchange = target.sendJob(chat(), sink)
  await exchange.settled
  expect(sink.calls).toEqual(['head', 'lost', 'data'])
})

test('an abort before the connection is established never reaches the target', async () => {
  const { fake, target } = await fakeAndTarget()
  const { sink, exchange } = sendJob(target)
  exchange.abort()
  expect(await sink.loss()).toMatchObject({ kind: 'aborted' })
  await exchange.settled
  const { sink: next } = sendJob(target)
  expect(await next.ended).toEqual({ kind: 'end' })
  expect(fake.requests('/api/chat').length).toBe(1)
  expect(fake.connections).toBe(1)
})

test('an abort after the end changes nothing, and the connection is reused', async () => {
  const { fake, target } = await fakeAndTarget()
  const { sink, exchange } = sendJob(target)
  await sink.ended
  exchange.abort()
  exchange.resume()
  await exchange.settled
  await sendJob(target).sink.ended
  expect(sink.calls).toEqual(['head', 'data', 'end'])
  expect(fake.connections).toBe(1)
})

test('the next job after an abort never overlaps the aborted one', async () => {
  const { fake, target } = await fakeAndTarget()
  for (let round = 0; round < 20; round++) {
    fake.on('/api/chat', stalls(1))
    const { sink, exchange } = sendJob(target)
    await sink.got(1)
    exchange.abort()
    await exchange.settled
  }
  await sendJob(target).sink.ended
  await fake.settled()
  expect(fake.overlaps).toEqual([])
})

const ANSWER = 100_000_000

test('a reader that takes nothing stops the target, and gets every byte when it continues', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', huge(ANSWER))
  const sink = new CollectingSink({ counts: true })
  sink.isFull = true
  const { exchange } = sendJob(target, chat(), sink)
  const request = await fake.next('/api/chat')
  await sink.got(1)
  await request.stuck()
  expect(sink.bytes).toBeLessThan(1_000_000)
  expect(request.written).toBeLessThan(ANSWER / 3)
  sink.isFull = false
  exchange.resume()
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect(sink.bytes).toBeGreaterThan(ANSWER * 0.9)
})

test('a reader that resumes before it has paused is not waited for', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', huge(3_000_000))
  const sink = new CollectingSink({ counts: true })
  const { data } = CollectingSink.prototype
  sink.data = (chunk) => {
    data.call(sink, chunk)
    exchange.resume()
    return false
  }
  const exchange = target.sendJob(chat(), sink)
  expect(await sink.ended).toEqual({ kind: 'end' })
})

test('a paused answer can be aborted', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', huge(ANSWER))
  const sink = new CollectingSink({ counts: true })
  sink.isFull = true
  const { exchange } = sendJob(target, chat(), sink)
  const request = await fake.next('/api/chat')
  await sink.got(1)
  exchange.abort()
  await exchange.settled
  exchange.resume()
  expect(await request.over).toBe('aborted')
})

test('an upload is passed on while it arrives', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/blobs/sha256:0', { early: true, status: 201, gate: 'read' }).hold('read')
  const first = Promise.withResolvers<void>()
  const rest = Promise.withResolvers<void>()
  async function* upload() {
    yield Buffer.from('first ')
    first.resolve()
    await rest.promise
    yield Buffer.from('second')
  }
  const { sink } = sendDirect(target, { method: 'POST', path: '/api/blobs/sha256:0', headers: {}, body: upload() })
  await first.promise
  const request = await fake.next('/api/blobs/sha256:0')
  while (request.body.length === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(request.body.toString()).toBe('first ')
  rest.resolve()
  await request.received
  fake.release('read')
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect(request.body.toString()).toBe('first second')
  expect(request.header('transfer-encoding')).toBe('chunked')
})

test('an upload with a known length has a Content-Length', async () => {
  const { fake, target } = await fakeAndTarget()
  async function* upload() {
    yield Buffer.from('12345')
  }
  const request = { method: 'POST', path: '/api/blobs/sha256:0', headers: { 'content-length': '5' }, body: upload() }
  await sendDirect(target, request).sink.ended
  expect((await fake.next()).header('content-length')).toBe('5')
})

test("an upload that breaks off is the caller's error, not the target’s", async () => {
  const { fake, target } = await fakeAndTarget()
  async function* upload() {
    yield Buffer.from('first')
    await fake.next('/api/blobs/sha256:0')
    throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  }
  fake.on('/api/blobs/sha256:0', { early: true, ...stalls() })
  const { sink } = sendDirect(target, { method: 'POST', path: '/api/blobs/sha256:0', headers: {}, body: upload() })
  expect(await sink.loss()).toMatchObject({ kind: 'aborted', code: 'BODY_BROKEN' })
  expect(await fake.log[0]?.over).toBe('aborted')
})

test('an answer during an upload reaches the caller, and the upload is not destroyed', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/blobs/sha256:0', { early: true, status: 400, body: '{"error":"no"}' })
  let returned = false
  const source = {
    chunks: 0,
    [Symbol.asyncIterator]() {
      return {
        next: async () => {
          if (this.chunks++ === 0) return { done: false as const, value: Buffer.from('first') }
          return new Promise<never>(() => {})
        },
        return: async () => {
          returned = true
          return { done: true as const, value: undefined }
        },
      }
    },
  }
  const { sink } = sendDirect(target, { method: 'POST', path: '/api/blobs/sha256:0', headers: {}, body: source })
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect([sink.status, sink.text, returned]).toEqual([400, '{"error":"no"}', false])
})

test('no callback runs before the caller has the exchange', async () => {
  const { target } = await fakeAndTarget()
  const { sink } = sendJob(target, { ...chat(), headers: { 'content-type': 'a\r\nb: c' } })
  expect(sink.calls).toEqual([])
  await sink.loss()
})

test('a callback that throws ends its exchange, and the next one works', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', huge(3_000_000))
  const sink = new CollectingSink()
  sink.data = () => {
    throw new Error('a bug')
  }
  const { exchange } = sendJob(target, chat(), sink)
  expect(await sink.loss()).toMatchObject({ kind: 'aborted', code: 'SINK_BROKEN' })
  await exchange.settled
  expect(await sendJob(target).sink.ended).toEqual({ kind: 'end' })
})

test('closing ends the current exchange and rejects later ones', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.always('/api/chat', stalls()).always('/api/show', stalls())
  const job = sendJob(target)
  const direct = sendDirect(target, jsonRequest('/api/show', { model: 'tiny-a' }))
  await Promise.all([fake.next('/api/chat'), fake.next('/api/show')])
  await target.close()
  expect((await job.sink.loss()).kind).toBe('aborted')
  expect((await direct.sink.loss()).kind).toBe('aborted')
  await job.exchange.settled
  expect((await sendJob(target).sink.loss()).kind).toBe('aborted')
  await target.close()
})
