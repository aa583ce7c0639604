// The table of routes: every path and method, and requests without a route.

import { describe, expect, test } from 'vitest'
import { ENDPOINTS } from '../../src/daemon/domain/endpoint.ts'
import { match, ROUTES } from '../../src/daemon/http/routes.ts'
import { knownTarget, startHttpHarness } from './http-harness.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'PATCH']
const concrete = (path: string): string =>
  path
    .replace('{model}', 'tiny-a')
    .replace('{digest}', `sha256:${'a'.repeat(64)}`)
    .replace('{id}', '01KAJ5Z0000000000000000000')
    .replace(/\{(name|n)\}/, '1')

describe('the route table', () => {
  test('has each path and method once', () => {
    const pairs = ROUTES.flatMap(({ path, methods }) => methods.map((method) => `${method} ${path}`))
    expect(new Set(pairs).size).toBe(pairs.length)
  })

  test('queues exactly the requests that run a worker model', () => {
    const queued = ROUTES.filter(({ group }) => group === 'queued').map(({ path }) => path)
    expect(queued.toSorted()).toEqual(Object.keys(ENDPOINTS).toSorted())
  })

  test.each(ROUTES.map((route) => [route.path, route] as const))('matches %s with its methods only', (path, route) => {
    const allowed = ROUTES.filter((other) => other.path === path).flatMap(({ methods }) => methods)
    for (const method of METHODS) {
      const found = match(method, concrete(path))
      if (route.methods.some((own) => own === method)) expect(found).toMatchObject({ kind: 'route', route })
      else if (!allowed.some((own) => own === method)) expect(found.kind).toBe('wrong_method')
    }
  })

  test.each([
    '',
    '//',
    '//api/tags',
    '/api/../api/tags',
    '/api%2ftags',
    '/api/tags/',
    '/API/TAGS',
    '/api/tags;x',
    '/api/tags%00',
    '/api/%74ags',
    '/api',
    '/v1/models/',
    '/v1/models/a/b',
    '/v1/models/a%2Fb',
    '/v1/models/a%2fb',
    '/v1/models/%zz',
    '/v1/models/{model}/x',
    '/api/blobs/',
    '/api/blobs/a/b',
    '/v1',
    '/jobs/',
    '/jobs//',
    '/jobs//events',
    '/jobs/x/',
    '/jobs/x/event',
    '/jobs/x%2Fevents',
    '/jobs/x/events/',
    '/jobs/a/b/events',
    '/jobs/x/artifacts',
    '/jobs/x/artifacts/a/b',
    '/jobs/x/artifacts/%zz',
    '/jobs/x/deliveries/1',
    '/jobs/x/deliveries/1/redeliver/y',
    '/Jobs',
  ])('does not match %j', (path) => {
    expect(match('GET', path).kind).toBe('unknown')
    expect(match('POST', path).kind).toBe('unknown')
  })

  test('passes the parameters in the order of the path', () => {
    expect(match('POST', '/jobs/x%20y/deliveries/7/redeliver')).toMatchObject({ parameters: ['x y', '7'] })
  })

  test("decodes the model of /v1/models/{model} as Ollama's router does", () => {
    expect(match('GET', '/v1/models/tiny%3Alatest')).toMatchObject({ kind: 'route', parameters: ['tiny:latest'] })
  })
})

async function startServer() {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target)
  harness.status = knownTarget(0)
  return { target, harness }
}

describe('a routed request', () => {
  test.each([
    ['GET', '/api/chat', 'POST'],
    ['DELETE', '/api/chat', 'POST'],
    ['GET', '/api/show', 'POST'],
    ['PUT', '/api/tags', 'HEAD, GET'],
    ['HEAD', '/api/ps', 'GET'],
    ['HEAD', '/v1/models', 'GET'],
    ['POST', '/', 'HEAD, GET'],
    ['GET', `/api/blobs/sha256:${'a'.repeat(64)}`, 'HEAD, POST'],
    ['PUT', '/api/experimental/aliases', 'GET, POST, DELETE'],
  ])("of %s %s gets Ollama's 405, with Allow: %s", async (method, path, allow) => {
    const { harness, target } = await startServer()
    const answer = await fetch(harness.url + path, { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe(allow)
    expect(answer.headers.get('content-type')).toBe('text/plain')
    expect(await answer.text()).toBe(method === 'HEAD' ? '' : '405 method not allowed')
    expect(target.seen).toEqual([])
  })

  test.each([
    ['GET', '/pause', 'POST'],
    ['PUT', '/status', 'HEAD, GET'],
    ['PUT', '/jobs', 'HEAD, GET, POST'],
    ['POST', '/jobs/x', 'HEAD, GET, DELETE'],
    ['GET', '/jobs/x/cancel', 'POST'],
    ['DELETE', '/jobs/x/events', 'HEAD, GET'],
    ['GET', '/jobs/x/deliveries/1/redeliver', 'POST'],
  ])('of %s %s is refused with a 405 in JSON, with Allow: %s', async (method, path, allow) => {
    const { harness } = await startServer()
    const answer = await fetch(harness.url + path, { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe(allow)
    expect(answer.headers.get('content-type')).toBe('application/json')
    const error = `method ${method} is not allowed here; allowed: ${allow}`
    expect(await answer.json()).toEqual({ error, code: 'method_not_allowed' })
  })

  test.each(['GET', 'POST', 'DELETE', 'PUT'])(
    'with the method %s for an unknown path under /jobs gets a 404 in JSON',
    async (method) => {
      const { harness } = await startServer()
      const answer = await fetch(`${harness.url}/jobs/x/nothing`, { method })
      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(await answer.json()).toEqual({ error: 'unknown path', code: 'not_found' })
    },
  )

  test.each(['GET', 'POST', 'DELETE', 'HEAD'])(
    "of %s on an unknown path gets Ollama's 404 and is never forwarded",
    async (method) => {
      const { harness, target } = await startServer()
      const answer = await fetch(`${harness.url}/v1/systemone`, {
        method,
        ...(method === 'POST' ? { body: '{}' } : {}),
      })
      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toBe('text/plain')
      expect(await answer.text()).toBe(method === 'HEAD' ? '' : '404 page not found')
      expect(target.seen).toEqual([])
    },
  )

  test('that is queued may have a query, which is not passed on', async () => {
    const { harness } = await startServer()
    const body = JSON.stringify({ model: 'tiny-a', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] })
    const answer = await fetch(`${harness.url}/v1/messages?beta=true`, { method: 'POST', body })
    expect(answer.status).toBe(200)
    expect(harness.submitted.map(({ endpoint }) => endpoint)).toEqual(['/v1/messages'])
  })

  test('that is refused unread leaves its connection usable if the body was small', async () => {
    const { harness } = await startServer()
    const answer = await fetch(`${harness.url}/api/pull`, { method: 'POST', body: '{"model":"x"}' })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('connection')).toBe('keep-alive')
  })
})
