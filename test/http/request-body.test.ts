// Bodies that are too large, too slow, too many or incomplete, and callers that expect 100 Continue.

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RequestBodies } from '../../src/daemon/http/request-body.ts'
import { SliceRunner } from '../../src/daemon/http/slice-runner.ts'
import { until } from '../harness.ts'
import { TestClock } from '../test-clock.ts'
import { type HttpHarness, type HttpHarnessOptions, knownTarget, startHttpHarness } from './http-harness.ts'
import { type RawSocket, rawSocket } from './raw-socket.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

async function startServer(options: HttpHarnessOptions = {}) {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target, options)
  harness.status = knownTarget(0)
  return { target, harness }
}

const head = (path: string, headers: string): string => `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
const CHAT = '{"model":"tiny-a","messages":[{"role":"user","content":"x"}]}'

/** Advances the clock until the server has closed the connection. */
async function closed(harness: HttpHarness, line: RawSocket): Promise<string> {
  await harness.clock.armed()
  harness.clock.advance(10_000)
  return line.rest()
}

describe('a body that is larger than FOREMAN_MAX_BODY', () => {
  test('is a 413 before it is read if its length says so', async () => {
    const { harness } = await startServer({ config: { maxBody: 1024 * 1024 } })
    const line = await rawSocket(harness.port)
    line.send(head('/api/chat', 'Content-Length: 1048577\r\n'))
    const answer = await line.until(/\}$/)
    expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n/)
    expect(answer).toMatch(/X-Foreman-Error: body_too_large\r\n[\s\S]*larger than 1MiB \(FOREMAN_MAX_BODY\)/)
    expect(await closed(harness, line)).toBe(answer)
    expect(harness.submitted).toEqual([])
  })

  test('gets a 413 that a caller sees even if it sends the whole body first', async () => {
    const { harness } = await startServer({ config: { maxBody: 1024 } })
    const answer = await fetch(`${harness.url}/api/chat`, { method: 'POST', body: 'x'.repeat(4 * 1024 * 1024) })
    expect(answer.status).toBe(413)
  })

  test('is a 413 at the first byte too many if it is chunked', async () => {
    const { harness } = await startServer({ config: { maxBody: 10 } })
    const line = await rawSocket(harness.port)
    line.send(`${head('/v1/chat/completions', 'Transfer-Encoding: chunked\r\n')}a\r\n0123456789\r\n`)
    line.send('1\r\nx\r\n')
    const answer = await line.until(/\}\n?$/)
    expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n[\s\S]*\{"error":\{"message":/)
    expect(await closed(harness, line)).toBe(answer)
  })

  test('ends the connection once the caller has sent the rest', async () => {
    const { harness } = await startServer({ config: { maxBody: 10 } })
    const line = await rawSocket(harness.port)
    line.send(head('/api/chat', 'Content-Length: 100000\r\n'))
    await line.until(/\}$/)
    line.send('x'.repeat(100_000))
    expect(await line.rest()).toMatch(/^HTTP\/1\.1 413 /)
  })

  test('may be exactly as large as the limit', async () => {
    const { harness } = await startServer({ config: { maxBody: CHAT.length } })
    const answer = await fetch(`${harness.url}/api/chat`, { method: 'POST', body: CHAT })
    expect(answer.status).toBe(200)
  })
})

describe('bodies in flight', () => {
  test('are limited together: a body that does not fit is a 503 with Retry-After', async () => {
    const { harness } = await startServer({ limits: { bodiesInFlight: 1_000 } })
    const first = await rawSocket(harness.port)
    first.send(`${head('/api/chat', 'Content-Length: 900\r\n')}${'x'.repeat(800)}`)
    await harness.clock.armed()
    const body = JSON.stringify({ model: 'tiny-a', prompt: 'y'.repeat(300) })
    const ask = () => fetch(`${harness.url}/api/generate`, { method: 'POST', body })
    // Until the first one's bytes have arrived, the second may fit.
    let answer = await ask()
    while (answer.status === 200) answer = await ask()
    expect(answer.status).toBe(503)
    expect(answer.headers.get('x-foreman-error')).toBe('too_much_in_flight')
    expect(answer.headers.get('retry-after')).toBe('1')
    first.send('x'.repeat(100))
    await first.until(/^HTTP\/1\.1 400 /)
    expect((await ask()).status).toBe(200)
  })

  test('are limited too if their length is unknown', async () => {
    const { harness } = await startServer({ limits: { bodiesInFlight: 1_000 } })
    const line = await rawSocket(harness.port)
    line.send(`${head('/api/chat', 'Transfer-Encoding: chunked\r\n')}3e9\r\n${'x'.repeat(1_001)}\r\n`)
    const answer = await line.until(/\}$/)
    expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*X-Foreman-Error: too_much_in_flight\r\n/)
    expect(await closed(harness, line)).toBe(answer)
  })

  test('do not count bytes that were only announced', async () => {
    const { harness } = await startServer({ limits: { bodiesInFlight: 1_000 } })
    const idle = await rawSocket(harness.port)
    idle.send(head('/api/chat', 'Content-Length: 999\r\n'))
    await harness.clock.armed()
    expect((await fetch(`${harness.url}/api/chat`, { method: 'POST', body: CHAT })).status).toBe(200)
  })
})

describe('a body that arrives slowly', () => {
  const limits = { bodyWindowMs: 60_000, bodyWindowBytes: 1_000, checkMs: 5_000 }

  test('is a 408 if a minute brings too few bytes', async () => {
    const { harness } = await startServer({ limits })
    const line = await rawSocket(harness.port)
    line.send(head('/api/chat', 'Content-Length: 5000\r\n'))
    await harness.clock.armed()
    for (let second = 0; second < 12; second += 1) {
      line.send('x')
      await harness.clock.advanceSoftly(5_000)
    }
    expect(await line.until(/\}$/)).toMatch(/^HTTP\/1\.1 408 [\s\S]*X-Foreman-Error: request_timeout\r\n/)
    expect(await closed(harness, line)).toMatch(/\r\nConnection: close\r\n/)
  })

  test('may take any time while each minute brings enough bytes', async () => {
    const clock = new TestClock()
    const bodies = new RequestBodies(
      clock,
      {
        maxBody: 10_000,
        bodiesInFlight: 10_000,
        bodyWindowMs: 60_000,
        bodyWindowBytes: 100,
        checkMs: 5_000,
      },
      new SliceRunner(),
    )
    const server = http.createServer((req, res) => {
      void bodies.read(req, res).then((read) => res.end(read.kind))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const line = await rawSocket((server.address() as AddressInfo).port)
    const [socket] = await accepted
    const asked = head('/', 'Content-Length: 1000\r\nConnection: close\r\n')
    line.send(asked)
    for (let sent = 100; sent < 1_000; sent += 100) {
      line.send('x'.repeat(100))
      await until('the piece is read', () => socket.bytesRead === asked.length + sent)
      clock.advance(59_000)
    }
    line.send('x'.repeat(100))
    expect(await line.rest()).toMatch(/\r\nread(\r\n|$)/)
    expect(clock.timers).toBe(0)
  })

  test('is a 408 too if the headers do not arrive', async () => {
    const { harness } = await startServer({ limits: { headersMs: 50, checkMs: 20 } })
    const line = await rawSocket(harness.port)
    line.send('GET /api/version HTTP/1.1\r\nHost: loc')
    expect(await line.until(/\}$/)).toMatch(/^HTTP\/1\.1 408 /)
  })
})

describe('a caller with Expect: 100-continue', () => {
  const expecting = (path: string, length: number, more = ''): string =>
    head(path, `Expect: 100-continue\r\nContent-Length: ${length}\r\n${more}`)

  test('gets 100, then the answer', async () => {
    const { harness } = await startServer()
    const line = await rawSocket(harness.port)
    line.send(expecting('/api/chat', CHAT.length, 'Connection: close\r\n'))
    await line.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    line.send(CHAT)
    expect(await line.rest()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  })

  test.each([
    ['413 for a body that is too large', 413, '/api/chat', { maxBody: 100 }],
    ['401 without the token', 401, '/api/chat', { token: 'sesame-open-up-please' }],
    ['403 where management is off', 403, '/api/create', {}],
    ['404 where nothing is', 404, '/nothing', {}],
  ] as const)('gets %s without a 100', async (_name, status, path, config) => {
    const { harness } = await startServer({ config })
    const line = await rawSocket(harness.port)
    line.send(expecting(path, 1_000))
    expect(await line.until(/(\}|found)$/)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(await closed(harness, line)).not.toMatch(/100 Continue/)
  })
})

test('a caller that hangs up inside its body leaves nothing behind', async () => {
  const { harness, target } = await startServer({ limits: { bodiesInFlight: 1_000 } })
  const line = await rawSocket(harness.port)
  line.send(`${head('/api/embed', 'Content-Length: 900\r\n')}${'x'.repeat(800)}`)
  await harness.clock.armed()
  line.socket.destroy()
  // Its bytes are released: a body that needs the whole budget is accepted.
  const ask = () => fetch(`${harness.url}/api/embed`, { method: 'POST', body: 'y'.repeat(1_000) })
  let answer = await ask()
  while (answer.status === 503) answer = await ask()
  expect(answer.status).toBe(200)
  expect(target.seen.map(({ body }) => body.length)).toEqual([1_000])
})

test('a body in many pieces is submitted as one, byte for byte', async () => {
  const { harness } = await startServer({ config: { keepAlive: null } })
  const body = Buffer.from(
    JSON.stringify({ model: 'tiny-a', prompt: 'ä€😀'.repeat(500), seed: 0 }).replace('0', '12345678901234567890'),
  )
  const line = await rawSocket(harness.port)
  line.send(head('/api/generate', 'Transfer-Encoding: chunked\r\nConnection: close\r\n'))
  for (let at = 0; at < body.length; at += 97) {
    const piece = body.subarray(at, at + 97)
    line.send(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]))
  }
  line.send('0\r\n\r\n')
  expect(await line.rest()).toMatch(/^HTTP\/1\.1 200 /)
  expect(Buffer.from(harness.submitted[0]?.body ?? []).equals(body)).toBe(true)
  expect(harness.submitted[0]?.body.buffer.byteLength).toBe(body.length)
})
