// Queued routes before the queue: requests that are refused at once, become a submission, or bypass the queue.

import { describe, expect, test } from 'vitest'
import { until } from '../harness.ts'
import { knownTarget, startHttpHarness } from './http-harness.ts'
import { startSmallTarget } from './small-target.ts'

async function startServer() {
  const target = await startSmallTarget((_seen, res) => {
    res
      .writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' })
      .end('{"done":true,"done_reason":"unload"}')
  })
  const harness = await startHttpHarness(target)
  harness.status = knownTarget(0)
  const post = (
    path: string,
    body: string | Buffer<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> => fetch(harness.url + path, { method: 'POST', body, headers })
  return { target, harness, post }
}

const MESSAGES = [{ role: 'user', content: 'x' }]

describe('a request for a worker model', () => {
  test.each([
    ['/api/chat', { model: 'tiny-a', messages: MESSAGES }],
    ['/api/generate', { model: 'tiny-a', prompt: 'x' }],
    ['/v1/chat/completions', { model: 'tiny-a', messages: MESSAGES }],
    ['/v1/completions', { model: 'tiny-a', prompt: 'x' }],
    ['/v1/responses', { model: 'tiny-a', input: 'x' }],
    ['/v1/messages', { model: 'tiny-a', max_tokens: 1, messages: MESSAGES }],
    ['/v1/images/generations', { model: 'tiny-a', prompt: 'x' }],
  ])('on %s reaches the queue and not the target', async (path, body) => {
    const { harness, target, post } = await startServer()
    expect((await post(path, JSON.stringify(body), { 'Content-Type': 'application/json' })).status).toBe(200)
    expect(harness.submitted).toMatchObject([
      { endpoint: path, model: 'tiny-a', contentType: 'application/json', contentEncoding: null },
    ])
    expect(target.seen).toEqual([])
  })

  test('needs no content type', async () => {
    const { harness, post } = await startServer()
    const body = Buffer.from(JSON.stringify({ model: 'tiny-a', messages: MESSAGES }))
    expect((await post('/api/chat', body)).status).toBe(200)
    expect(harness.submitted[0]?.contentType).toBeNull()
  })

  test('without keep_alive is queued unchanged', async () => {
    const { harness, post } = await startServer()
    await post('/api/generate', '{"model":"tiny-a","prompt":"x"}')
    expect(Buffer.from(harness.submitted[0]?.body ?? []).toString()).toBe('{"model":"tiny-a","prompt":"x"}')
    expect(harness.submitted[0]?.lacksKeepAlive).toBe(true)
  })
})

describe('a request that Ollama would refuse', () => {
  test.each([
    ['/api/chat', '', 400, '{"error":"missing request body"}'],
    ['/api/chat', '{}', 400, '{"error":"model is required"}'],
    ['/api/generate', '{}', 404, `{"error":"model '' not found"}`],
    ['/api/chat', '{"model":', 400, '{"error":"invalid JSON: it ends in the middle of a value"}'],
  ])("is answered for POST %s %j with Ollama's status and text", async (path, body, status, text) => {
    const { harness, target, post } = await startServer()
    const answer = await post(path, body)
    expect([answer.status, await answer.text()]).toEqual([status, text])
    expect(answer.headers.get('x-foreman-error')).toBeNull()
    expect([harness.submitted, target.seen]).toEqual([[], []])
  })

  test('is answered in the form of its API', async () => {
    const { post } = await startServer()
    const answer = await post('/v1/messages', '{}')
    expect(await answer.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } })
  })
})

test('a key that Ollama would read as another one is a 400 that names it', async () => {
  const { harness, post } = await startServer()
  const answer = await post('/api/chat', '{"model":"a","Model":"b","messages":[]}')
  expect([answer.status, answer.headers.get('x-foreman-error')]).toEqual([400, 'ambiguous_key'])
  expect(await answer.text()).toContain('Model')
  expect(harness.submitted).toEqual([])
})

test('H34 a gzip body is 415', async () => {
  const { post } = await startServer()
  expect((await post('/api/chat', Buffer.from([0x1f, 0x8b]), { 'Content-Encoding': 'gzip' })).status).toBe(415)
})

test('H36 a body declared as UTF-16 is 415', async () => {
  const { post } = await startServer()
  expect((await post('/api/chat', '{}', { 'Content-Type': 'application/json; charset=utf-16' })).status).toBe(415)
})

test('a request that only unloads a model is not queued, and the target is probed afterwards', async () => {
  const { harness, target, post } = await startServer()
  const answer = await post('/api/generate', '{"model":"tiny-a","keep_alive":0}')
  expect([answer.status, await answer.text()]).toEqual([200, '{"done":true,"done_reason":"unload"}'])
  expect(target.seen.map(({ url, body }) => [url, body.toString()])).toEqual([
    ['/api/generate', '{"model":"tiny-a","keep_alive":0}'],
  ])
  expect(harness.submitted).toEqual([])
  await until('the target is probed', () => harness.probed.includes('unload'))
})

test('a request that only loads a model is queued, because a load evicts', async () => {
  const { harness, target, post } = await startServer()
  await post('/api/generate', '{"model":"tiny-a"}')
  expect(harness.submitted).toMatchObject([{ loadOnly: true }])
  expect(target.seen).toEqual([])
})

test.each(['/api/chat', '/v1/chat/completions', '/v1/messages', '/api/show', '/api/status'])(
  '%s is a 503 with Retry-After while foreman stops',
  async (path) => {
    const { harness, target } = await startServer()
    harness.phase = 'stopping'
    const method = path === '/api/status' ? 'GET' : 'POST'
    const answer = await fetch(harness.url + path, {
      method,
      ...(method === 'GET' ? {} : { body: '{"model":"tiny-a"}' }),
    })
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('x-foreman-error')]).toEqual([
      503,
      '5',
      'shutting_down',
    ])
    expect([harness.submitted, target.seen]).toEqual([[], []])
  },
)

test('an internal error is a 500 without details, and a log line', async () => {
  const target = await startSmallTarget(() => {})
  const harness = await startHttpHarness(target, {
    live: () => {
      throw new Error('the secret of the house')
    },
  })
  const answer = await fetch(`${harness.url}/api/chat`, { method: 'POST', body: '{"model":"tiny-a","messages":[{}]}' })
  expect([answer.status, answer.headers.get('x-foreman-error')]).toEqual([500, 'internal'])
  expect(await answer.text()).not.toContain('secret')
  expect(harness.logged.join('\n')).toContain('a request failed inside foreman')
})
