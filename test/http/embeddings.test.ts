// Embeddings: sent at once, a limited number at a time, never behind a chat, and aborted when their caller hangs up.

import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { until } from '../harness.ts'
import { type HttpHarnessOptions, knownTarget, startHttpHarness } from './http-harness.ts'
import { rawSocket } from './raw-socket.ts'
import { type SeenRequest, startSmallTarget } from './small-target.ts'

/** A target that answers only when the test lets it. */
async function startHolding(options: HttpHarnessOptions = {}) {
  const held: { seen: SeenRequest; res: ServerResponse }[] = []
  const target = await startSmallTarget((seen, res) => void held.push({ seen, res }))
  const harness = await startHttpHarness(target, options)
  harness.status = knownTarget(0)
  return { target, harness, held }
}

const post = (url: string, path = '/api/embed', init: RequestInit = {}): Promise<Response> =>
  fetch(url + path, { method: 'POST', body: '{"model":"embed","input":"x"}', ...init })

test.each(['/api/embed', '/api/embeddings', '/v1/embeddings'])(
  "an embedding on %s has the target's bytes, headers and status",
  async (path) => {
    const bytes = '{"embeddings":[[0.1,-0.25,1e-7]], "total_duration":12345678901234567890}'
    const target = await startSmallTarget((_seen, res) => {
      res.writeHead(200, 'Fine', {
        'Content-Type': 'application/json; charset=utf-8',
        'X-Of-Target': 'yes',
        Date: 'Thu, 01 Jan 1970 00:00:00 GMT',
      })
      res.end(bytes)
    })
    const harness = await startHttpHarness(target)
    const answer = await post(harness.url, path)
    expect(answer.status).toBe(200)
    expect(answer.statusText).toBe('Fine')
    expect(await answer.text()).toBe(bytes)
    expect(answer.headers.get('x-of-target')).toBe('yes')
    expect(answer.headers.get('date')).toBe('Thu, 01 Jan 1970 00:00:00 GMT')
    expect(answer.headers.get('content-length')).toBe(String(bytes.length))
    expect(target.seen.map(({ method, url, body }) => [method, url, body.toString()])).toEqual([
      ['POST', path, '{"model":"embed","input":"x"}'],
    ])
  },
)

test('an error of the target is passed on unchanged', async () => {
  const target = await startSmallTarget(
    (_seen, res) =>
      void res
        .writeHead(404, { 'Content-Type': 'application/json' })
        .end('{"error":"model \\"x\\" not found, try pulling it first"}'),
  )
  const harness = await startHttpHarness(target)
  const answer = await post(harness.url)
  expect([answer.status, await answer.text(), answer.headers.get('x-foreman-error')]).toEqual([
    404,
    '{"error":"model \\"x\\" not found, try pulling it first"}',
    null,
  ])
})

test('an answer in many chunks without a length is passed on whole', async () => {
  const bytes = Buffer.alloc(3_000_000, 'embedding ')
  const target = await startSmallTarget((_seen, res) => {
    res.writeHead(200)
    for (let at = 0; at < bytes.length; at += 50_000) res.write(bytes.subarray(at, at + 50_000))
    res.end()
  })
  const harness = await startHttpHarness(target)
  const answer = await post(harness.url)
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
})

test('an answer that the target cuts is cut, never ended', async () => {
  const target = await startSmallTarget((_seen, res) => {
    res.writeHead(200, { 'Content-Length': '100' })
    res.write('half of it', () => res.destroy())
  })
  const harness = await startHttpHarness(target)
  const line = await rawSocket(harness.port)
  line.send('POST /api/embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}')
  const answer = await line.rest()
  expect(answer).toMatch(/half of it$/)
  expect(harness.probed).toContain('direct')
})

test("headers of the caller other than the body's are not passed on", async () => {
  const target = await startSmallTarget((_seen, res) => void res.end('{}'))
  const harness = await startHttpHarness(target, { config: { ollamaToken: 'of-the-target' } })
  const headers = {
    'Content-Type': 'application/json',
    Authorization: 'Bearer of-the-caller',
    Origin: 'http://localhost:3000',
    Cookie: 'a=b',
    'User-Agent': 'somebody',
    'X-Api-Key': 'k',
    'X-Whatever': 'w',
  }
  await post(harness.url, '/api/embed', { headers })
  const [seen] = target.seen
  expect(Object.keys(seen?.headers ?? {}).toSorted()).toEqual(
    [
      'accept',
      'accept-encoding',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'x-foreman-hop',
    ].toSorted(),
  )
  expect(seen?.headers.authorization).toBe('Bearer of-the-target')
  expect(seen?.headers.host).toBe(new URL(target.url).host)
})

/** The value of one metric. */
async function gauge(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
}

/** Sends them one after another, each when the one before is at the target or waits for a slot. */
async function postInOrder(
  url: string,
  bodies: readonly string[],
  inits: readonly RequestInit[] = [],
): Promise<Promise<Response>[]> {
  const answers: Promise<Response>[] = []
  for (const [i, body] of bodies.entries()) {
    answers.push(post(url, '/api/embed', { ...inits[i], body }))
    await until(`${body} has its place`, async () => {
      const places =
        (await gauge(url, 'foreman_embeddings_in_flight')) + (await gauge(url, 'foreman_embeddings_waiting'))
      return places === i + 1
    })
  }
  return answers
}

test('at most FOREMAN_EMBED_CONCURRENCY embeddings are at the target; the others follow in order', async () => {
  const { harness, held } = await startHolding({ config: { embedConcurrency: 2 } })
  const answers = await postInOrder(harness.url, ['a', 'b', 'c', 'd'])
  await until('two are at the target', () => held.length === 2)
  held[0]?.res.end('{}')
  await until('c is at the target', () => held.length === 3)
  held[1]?.res.end('{}')
  await until('d is at the target', () => held.length === 4)
  expect(held.slice(2).map(({ seen }) => seen.body.toString())).toEqual(['c', 'd'])
  held[2]?.res.end('{}')
  held[3]?.res.end('{}')
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  await until('all places are free', async () => (await gauge(harness.url, 'foreman_embeddings_in_flight')) === 0)
})

test("an embedding beyond the queue is a 503 with Ollama's text, and says when to retry", async () => {
  const { harness, held } = await startHolding({ config: { embedConcurrency: 1, embedQueue: 1 } })
  const answers = await postInOrder(harness.url, ['a', 'b'])
  const refused = await post(harness.url, '/v1/embeddings')
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(refused.headers.get('x-foreman-error')).toBe('embed_queue_full')
  expect(await refused.text()).toContain(
    '"message":"server busy, please try again.  maximum pending requests exceeded"',
  )
  await until('a is at the target', () => held.length === 1)
  held[0]?.res.end('{}')
  await until('b is at the target', () => held.length === 2)
  held[1]?.res.end('{}')
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
})

test('an embedding whose caller hangs up in the queue never reaches the target, and frees its slot', async () => {
  const { harness, held } = await startHolding({ config: { embedConcurrency: 1, embedQueue: 2 } })
  const leaving = new AbortController()
  const [first, gone, last] = await postInOrder(harness.url, ['a', 'b', 'c'], [{}, { signal: leaving.signal }])
  leaving.abort()
  await expect(gone).rejects.toThrow()
  await until('the place is free', async () => (await gauge(harness.url, 'foreman_embeddings_waiting')) === 1)
  await until('a is at the target', () => held.length === 1)
  held[0]?.res.end('{}')
  await until('c is at the target', () => held.length === 2)
  held[1]?.res.end('{}')
  expect([(await first)?.status, (await last)?.status]).toEqual([200, 200])
  expect(held.map(({ seen }) => seen.body.toString())).toEqual(['a', 'c'])
})

test('an embedding whose caller hangs up at the target is aborted there, and frees its slot', async () => {
  const { harness, held } = await startHolding({ config: { embedConcurrency: 1 } })
  const leaving = new AbortController()
  const gone = post(harness.url, '/api/embed', { signal: leaving.signal })
  await until('it is at the target', () => held.length === 1)
  const closed = new Promise((resolve) => held[0]?.res.once('close', resolve))
  leaving.abort()
  await expect(gone).rejects.toThrow()
  await closed
  expect(held[0]?.res.writableEnded).toBe(false)
  const next = post(harness.url)
  await until('the next one is at the target', () => held.length === 2)
  held[1]?.res.end('{}')
  expect((await next).status).toBe(200)
})

test('an embedding without a target is a 502 at once, and starts a probe', async () => {
  const { harness, target } = await startHolding()
  harness.status = knownTarget(0, { reachable: false, reason: 'asleep' })
  const answer = await post(harness.url)
  expect(answer.status).toBe(502)
  expect(answer.headers.get('x-foreman-error')).toBe('target_unreachable')
  expect(await answer.text()).toBe('{"error":"the target does not answer"}')
  expect(harness.probed).toEqual(['direct'])
  expect(target.seen).toEqual([])
  expect(await gauge(harness.url, 'foreman_embeddings_in_flight')).toBe(0)
})

test('an embedding to a target lost since the last probe is a 502, and starts a probe', async () => {
  const { harness, target } = await startHolding()
  await target.close()
  const answer = await post(harness.url, '/v1/embeddings')
  expect(answer.status).toBe(502)
  expect(answer.headers.get('x-foreman-error')).toBe('target_unreachable')
  expect(await answer.json()).toMatchObject({ error: { message: 'the target does not answer' } })
  expect(harness.probed).toEqual(['direct'])
})

test('an embedding whose target is lost during it is a 502', async () => {
  const { harness, held } = await startHolding()
  const answering = post(harness.url)
  await until('it is at the target', () => held.length === 1)
  held[0]?.res.destroy()
  const answer = await answering
  expect([answer.status, answer.headers.get('x-foreman-error')]).toEqual([502, 'connection_lost'])
})

test('an embedding whose caller does not read is cut, and frees its slot', async () => {
  const bytes = Buffer.alloc(40_000_000, 'x')
  const target = await startSmallTarget((seen, res) => void res.end(seen.body.length === 2 ? bytes : '{}'))
  const harness = await startHttpHarness(target, { config: { embedConcurrency: 1, clientStallMs: 60_000 } })
  const line = await rawSocket(harness.port)
  line.socket.pause()
  line.send('POST /api/embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}')
  await until('the connection is full', () => harness.clock.nextIn === 60_000)
  const waiting = () => gauge(harness.url, 'foreman_embeddings_waiting')
  const next = post(harness.url)
  await until('the next one waits', async () => (await waiting()) === 1)
  await until('the place is free', async () => {
    // Bytes that the kernel took since the connection was full count as read: then the caller has another minute.
    harness.clock.advance(60_000)
    return (await waiting()) === 0
  })
  expect((await next).status).toBe(200)
})

test('a chat in the queue delays no embedding', async () => {
  const target = await startSmallTarget((_seen, res) => void res.end('{}'))
  const harness = await startHttpHarness(target, { live: () => {} })
  const leaving = new AbortController()
  const chat = fetch(`${harness.url}/api/chat`, {
    method: 'POST',
    body: '{"model":"x","messages":[{}]}',
    signal: leaving.signal,
  })
  await until('the chat waits', () => harness.submitted.length === 1)
  expect((await post(harness.url)).status).toBe(200)
  leaving.abort()
  await expect(chat).rejects.toThrow()
})

test('embeddings are a 503 while foreman stops', async () => {
  const { harness, target } = await startHolding()
  harness.phase = 'stopping'
  const answer = await post(harness.url)
  expect([answer.status, answer.headers.get('x-foreman-error'), answer.headers.get('retry-after')]).toEqual([
    503,
    'shutting_down',
    '5',
  ])
  expect(target.seen).toEqual([])
})
