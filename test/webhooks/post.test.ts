// One POST to a receiver on loopback: the request, valid answers, and every kind of bad receiver.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { TRY_MS } from '../../src/daemon/webhooks/post.ts'
import { VERSION } from '../../src/protocol/version.ts'
import { until } from '../harness.ts'
import { startWebhookSink } from '../webhook-sink.ts'
import { createSender } from './sender.ts'

/** Resolves when undici has read the status and headers of an answer, by its own diagnostics channel. */
function nextHeadRead(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const heard = (): void => resolve()
  subscribe('undici:request:headers', heard)
  return promise.finally(() => unsubscribe('undici:request:headers', heard))
}

describe('a receiver', () => {
  it('gets one POST with the given body, and the connection is closed after it', async () => {
    const sink = await startWebhookSink()
    const { post, clock } = createSender()
    expect(await post(`${sink.url}/a/b?c=d&e=%2F#f`)).toEqual({ kind: 'answered', status: 204, retryAfter: null })
    const seen = await sink.webhook(1)
    expect(seen).toMatchObject({ method: 'POST', path: '/a/b?c=d&e=%2F', payload: { a: 1 } })
    expect(seen.headers).toEqual({
      host: `127.0.0.1:${sink.port}`,
      connection: 'close',
      'content-type': 'application/json',
      'content-length': '7',
      'user-agent': `foreman/${VERSION}`,
      'webhook-id': 'x-1',
    })
    await until('the line is closed', () => seen.isCut)
    expect(clock.timers).toBe(0)
  })
  it('answers with a status and may say when to retry', async () => {
    const sink = await startWebhookSink({ react: () => ({ status: 503, headers: { 'Retry-After': '7' } }) })
    expect(await createSender().post(sink.url)).toEqual({ kind: 'answered', status: 503, retryAfter: '7' })
  })
  it.each([301, 302, 303, 307, 308])('is not followed by its %i redirect', async (status) => {
    const other = await startWebhookSink()
    const sink = await startWebhookSink({ react: () => ({ status, headers: { Location: `${other.url}/` } }) })
    expect(await createSender().post(sink.url)).toMatchObject({ kind: 'answered', status })
    expect(other.seen).toHaveLength(0)
  })
  it('that sends 100 or 103 first has not answered yet', async () => {
    const sink = await startWebhookSink({
      react: () => (res) => {
        res.writeEarlyHints({ link: '</a>; rel=preload' })
        res.writeHead(201).end()
      },
    })
    expect(await createSender().post(sink.url)).toMatchObject({ kind: 'answered', status: 201 })
    sink.react = () => (res, socket) => {
      res.writeEarlyHints({ link: '</a>; rel=preload' }, () => socket.destroySoon())
    }
    expect(await createSender().post(sink.url)).toEqual({ kind: 'unreachable' })
  })
})

describe('a failing receiver', () => {
  it('that does not exist is unreachable', async () => {
    const { post } = createSender()
    const sink = await startWebhookSink()
    await sink.close()
    expect(await post(sink.url)).toEqual({ kind: 'unreachable' })
    expect(await post('http://nowhere.example.org/')).toEqual({ kind: 'unreachable' })
  })
  it('that cuts the connection is unreachable', async () => {
    const sink = await startWebhookSink({ react: () => 'cut' })
    expect(await createSender().post(sink.url)).toEqual({ kind: 'unreachable' })
  })
  it('that does not speak HTTP is unreachable', async () => {
    const sink = await startWebhookSink({ react: () => (_res, socket) => void socket.end('SSH-2.0-OpenSSH_9.9\r\n') })
    expect(await createSender().post(sink.url)).toEqual({ kind: 'unreachable' })
  })
  it('that sends too many headers is unreachable', async () => {
    const headers = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`x-${n}`, 'y'.repeat(1_000)]))
    const sink = await startWebhookSink({ react: () => ({ status: 200, headers }) })
    expect(await createSender().post(sink.url)).toEqual({ kind: 'unreachable' })
  })
  it('that never answers has 15 s', async () => {
    const sink = await startWebhookSink({ react: () => 'silence' })
    const { post, clock } = createSender()
    const outcome = post(sink.url)
    const seen = await sink.webhook(1)
    clock.advance(TRY_MS - 1)
    expect(seen.isCut).toBe(false)
    clock.advance(1)
    expect(await outcome).toEqual({ kind: 'timeout' })
    await until('the line is closed', () => seen.isCut)
    expect(clock.timers).toBe(0)
  })
  it('that accepts no connection has 15 s', async () => {
    const { post, clock } = createSender({ lookup: () => new Promise(() => {}) })
    const outcome = post('http://slow.example.org/')
    await clock.armed()
    clock.advance(TRY_MS)
    expect(await outcome).toEqual({ kind: 'timeout' })
  })
  it('that sends its headers a byte at a time has 15 s in all', async () => {
    const { post, clock } = createSender()
    const written = Promise.withResolvers<void>()
    const sink = await startWebhookSink({
      react: () => (_res, socket) => {
        socket.write('HTTP/1.1 20')
        written.resolve()
      },
    })
    const outcome = post(sink.url)
    await written.promise
    clock.advance(TRY_MS)
    expect(await outcome).toEqual({ kind: 'timeout' })
  })
  it('that has accepted the webhook and never ends its answer has accepted it', async () => {
    const sink = await startWebhookSink({
      react: () => (res) => {
        res.writeHead(200)
        res.write('x')
      },
    })
    const { post, clock } = createSender()
    const headRead = nextHeadRead()
    const outcome = post(sink.url)
    const seen = await sink.webhook(1)
    await headRead
    clock.advance(TRY_MS)
    expect(await outcome).toMatchObject({ kind: 'answered', status: 200 })
    await until('the line is closed', () => seen.isCut)
  })
  it('that has accepted the webhook and cuts its answer has accepted it', async () => {
    const sink = await startWebhookSink({
      react: () => (res, socket) => {
        res.writeHead(200, { 'Content-Length': '100' })
        res.write('x', () => socket.destroySoon())
      },
    })
    expect(await createSender().post(sink.url)).toMatchObject({ kind: 'answered', status: 200 })
  })
  it('that sends an endless answer is read for 16 KiB', async () => {
    let written = 0
    const sink = await startWebhookSink({
      react: () => (res) => {
        res.writeHead(200)
        const more = (): void => {
          while (!res.destroyed && res.write('x'.repeat(8_192))) written += 8_192
          if (!res.destroyed) res.once('drain', more)
        }
        more()
      },
    })
    expect(await createSender().post(sink.url)).toMatchObject({ kind: 'answered', status: 200 })
    const seen = await sink.webhook(1)
    await until('the line is closed', () => seen.isCut)
    // The bytes in the socket buffers were written, and never read.
    expect(written).toBeLessThan(64 * 2 ** 20)
  })
  it('is dropped at once when foreman stops, and leaves nothing open', async () => {
    const sink = await startWebhookSink({ react: () => 'silence' })
    const { post, clock } = createSender()
    const stop = new AbortController()
    const outcome = post(sink.url, stop.signal)
    const seen = await sink.webhook(1)
    stop.abort()
    expect(await outcome).toEqual({ kind: 'aborted' })
    await until('the line is closed', () => seen.isCut)
    expect(clock.timers).toBe(0)
    expect(await post(sink.url, stop.signal)).toEqual({ kind: 'aborted' })
    expect(sink.seen).toHaveLength(1)
  })
})

it('an invalid header or URL is an outcome, not an exception', async () => {
  const sink = await startWebhookSink()
  const { webhooks, post } = createSender()
  const signal = new AbortController().signal
  const body = new Uint8Array(0)
  expect(await webhooks.post({ url: sink.url, headers: { x: 'a\r\nb: c' }, body }, signal)).toEqual({
    kind: 'unreachable',
  })
  await until('its connection is closed', () => sink.connections === 1 && sink.open === 0)
  expect(await post('not a url')).toEqual({ kind: 'refused_address', isLasting: true })
  expect(await post(`${sink.url}/ü?ö=\u2028`)).toEqual({ kind: 'refused_address', isLasting: true })
  expect(await post(`${sink.url}/ü?ö=ß`)).toMatchObject({ status: 204 })
})

it('proxy variables of the environment are ignored', async () => {
  const proxy = createServer((socket) => void socket.destroy())
  let asked = 0
  proxy.on('connection', () => asked++)
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  const { port } = proxy.address() as { port: number }
  for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy']) vi.stubEnv(name, `http://127.0.0.1:${port}`)
  const sink = await startWebhookSink()
  expect(await createSender().post(sink.url)).toMatchObject({ status: 204 })
  expect(asked).toBe(0)
})
