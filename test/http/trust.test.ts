// The access rules together on the real server: caller, host name, and origin.

import { describe, expect, test } from 'vitest'
import type { Config } from '../../src/daemon/config/options.ts'
import { knownTarget, startHttpHarness } from './http-harness.ts'
import { exchange } from './raw-socket.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

const TOKEN = 'sesame-open-up-please'

async function startServer(config: Partial<Config> = {}) {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target, { config })
  harness.status = knownTarget(0)
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<string> => {
    const lines = Object.entries({ Host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    const body = method === 'POST' ? 'Content-Length: 2\r\nConnection: close\r\n\r\n{}' : 'Connection: close\r\n\r\n'
    return exchange(harness.port, `${method} ${path} HTTP/1.1\r\n${lines.join('')}${body}`)
  }
  return { target, harness, ask }
}

describe('a foreman with a token', () => {
  test.each(['/healthz', '/readyz', '/api/version', '/'])('answers %s without it', async (path) => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask(path)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await ask(path, {}, 'HEAD')).toMatch(/^HTTP\/1\.1 200 /)
  })

  test.each([
    ['GET', '/api/tags'],
    ['GET', '/api/ps'],
    ['GET', '/v1/models'],
    ['GET', '/v1/models/tiny-a'],
    ['POST', '/api/show'],
    ['POST', '/api/chat'],
    ['POST', '/api/embed'],
    ['POST', '/v1/chat/completions'],
    ['POST', '/v1/messages'],
    ['GET', '/status'],
    ['GET', '/metrics'],
    ['POST', '/pause'],
    ['POST', '/api/pull'],
    ['GET', '/nothing'],
    ['POST', '/'],
    ['GET', '/jobs'],
  ])('answers %s %s without it with a 401 that names the scheme, and does nothing else', async (method, path) => {
    const { ask, target, harness } = await startServer({ token: TOKEN })
    const answer = await ask(path, {}, method)
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/)
    expect(answer).toMatch(/\r\nWWW-Authenticate: Bearer\r\n/)
    expect(answer).toMatch(/\r\nX-Foreman-Error: unauthorized\r\n/)
    expect(target.seen).toEqual([])
    expect(harness.submitted).toEqual([])
    expect(harness.app.dispatcher.paused).toBe(false)
  })

  test('sends a 401 in the form of the API', async () => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask('/api/tags')).toMatch(/\{"error":"unauthorized: /)
    expect(await ask('/v1/models')).toMatch(/\{"error":\{"message":"unauthorized: [^"]*","type":/)
    expect(await ask('/v1/messages', {}, 'POST')).toMatch(/\{"type":"error","error":\{"type":"authentication_error"/)
    expect(await ask('/status')).toMatch(/"code":"unauthorized"\}/)
  })

  test('answers everything with it', async () => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask('/api/tags', { Authorization: `Bearer ${TOKEN}` })).toMatch(/^HTTP\/1\.1 200 /)
    expect(await ask('/metrics', { 'X-Api-Key': TOKEN })).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('R04 does not read the token from the query', async () => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask(`/api/tags?token=${TOKEN}`)).toMatch(/^HTTP\/1\.1 401 /)
  })

  test('accepts any Host with it, but not any Origin', async () => {
    const { ask } = await startServer({ token: TOKEN })
    const Authorization = `Bearer ${TOKEN}`
    expect(await ask('/api/tags', { Host: 'public.example', Authorization })).toMatch(/^HTTP\/1\.1 200 /)
    expect(await ask('/api/tags', { Host: 'public.example' })).toMatch(/^HTTP\/1\.1 403 /)
    expect(await ask('/api/tags', { Origin: 'https://evil.example', Authorization })).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('never logs it', async () => {
    const { ask, harness } = await startServer({ token: TOKEN })
    await ask('/api/tags', { Authorization: `Bearer ${TOKEN}` })
    await ask('/api/status', { Authorization: `Bearer ${TOKEN}` })
    await ask('/api/tags', { Authorization: `Bearer ${TOKEN}x` })
    expect(harness.logged.join('\n')).not.toContain(TOKEN)
  })

  test('needs neither the token nor a known Host for a preflight', async () => {
    const { ask } = await startServer({ token: TOKEN })
    const answer = await ask('/api/chat', { Host: 'public.example', Origin: 'app://obsidian.md' }, 'OPTIONS')
    expect(answer).toMatch(/^HTTP\/1\.1 204 /)
  })
})

test('a foreman without a token ignores credentials', async () => {
  const { ask } = await startServer()
  expect(await ask('/api/tags', { Authorization: 'Bearer ollama', 'X-Api-Key': 'sk-1' })).toMatch(/^HTTP\/1\.1 200 /)
  expect(await ask('/api/tags', { Authorization: 'nonsense' })).toMatch(/^HTTP\/1\.1 200 /)
})

describe('DNS rebinding', () => {
  test.each(['/api/tags', '/', '/status', '/v1/models', '/nothing'])(
    'with a foreign Host on %s gets a 403 that names the setting',
    async (path) => {
      const { ask } = await startServer()
      const answer = await ask(path, { Host: 'evil.example:8080' })
      expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
      expect(answer).toMatch(/host evil\.example is not allowed; add it to FOREMAN_HOSTS/)
      expect(answer).not.toMatch(/Access-Control/i)
    },
  )

  test('gains nothing from the Origin of the same site', async () => {
    const { ask } = await startServer()
    expect(await ask('/api/tags', { Host: 'evil.example', Origin: 'http://evil.example' })).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('R13 is not helped by forwarding headers', async () => {
    const { ask } = await startServer()
    const forged = { 'X-Forwarded-Host': 'localhost', 'X-Forwarded-For': '127.0.0.1', Forwarded: 'host=localhost' }
    expect(await ask('/api/tags', { Host: 'evil.example', ...forged })).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('does not affect health', async () => {
    const { ask } = await startServer()
    expect(await ask('/healthz', { Host: 'anything.example' })).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('a web page', () => {
  test.each([
    ['GET', '/api/tags'],
    ['GET', '/'],
    ['GET', '/healthz'],
    ['POST', '/api/chat'],
    ['POST', '/api/embed'],
    ['OPTIONS', '/api/chat'],
    ['GET', '/nothing'],
    ['POST', '/pause'],
  ])('R10 of a foreign origin gets a 403 on %s %s', async (method, path) => {
    const { ask, target, harness } = await startServer()
    const answer = await ask(path, { Origin: 'https://evil.example' }, method)
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(answer).not.toMatch(/Access-Control/i)
    expect(target.seen).toEqual([])
    expect(harness.submitted).toEqual([])
    expect(harness.app.dispatcher.paused).toBe(false)
  })

  test('R12 of another site without an Origin gets a 403', async () => {
    const { ask } = await startServer()
    expect(await ask('/api/tags', { 'Sec-Fetch-Site': 'cross-site' })).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('of an allowed origin may read the answer and its headers', async () => {
    const { ask } = await startServer()
    const answer = await ask('/api/tags', { Origin: 'http://localhost:3000' })
    expect(answer).toMatch(/\r\nAccess-Control-Allow-Origin: http:\/\/localhost:3000\r\n/)
    expect(answer).toMatch(/\r\nVary: Origin\r\n/)
    expect(answer).toMatch(
      /\r\nAccess-Control-Expose-Headers: [^\r]*X-Foreman-Job-Id[^\r]*Retry-After[^\r]*Location[^\r]*Age/,
    )
  })

  test('may read why it was refused', async () => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask('/api/tags', { Origin: 'app://x' })).toMatch(
      /^HTTP\/1\.1 401 [\s\S]*Access-Control-Allow-Origin: app:\/\/x\r\n/,
    )
  })

  test('gets CORS headers on passed-through and queued answers, once', async () => {
    const { ask, target } = await startServer()
    const headers = { Origin: 'http://localhost:3000', 'Content-Type': 'application/json' }
    const embedded = await ask('/api/embed', headers, 'POST')
    expect(embedded.match(/Access-Control-Allow-Origin/g)).toHaveLength(1)
    expect(embedded).toMatch(/^HTTP\/1\.1 200 /)
    expect(target.seen[0]?.headers).not.toHaveProperty('origin')
  })

  test('gets its preflight answered with the requested headers and a max-age of a day', async () => {
    const { ask } = await startServer()
    const headers = {
      Origin: 'app://x',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization, x-stainless-os',
    }
    const answer = await ask('/v1/chat/completions', headers, 'OPTIONS')
    expect(answer).toMatch(/^HTTP\/1\.1 204 No Content\r\n/)
    expect(answer).toMatch(/\r\nAccess-Control-Allow-Headers: authorization, x-stainless-os\r\n/)
    expect(answer).toMatch(/\r\nAccess-Control-Allow-Methods: GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS\r\n/)
    expect(answer).toMatch(/\r\nAccess-Control-Max-Age: 43200\r\n/)
    expect(answer).toMatch(/\r\nVary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n/)
    expect(answer).toMatch(/\r\nAllow: POST, OPTIONS\r\n/)
  })

  test('cannot have invalid preflight headers echoed', async () => {
    const { ask } = await startServer()
    const answer = await ask(
      '/api/chat',
      { Origin: 'app://x', 'Access-Control-Request-Headers': 'a, "b";c' },
      'OPTIONS',
    )
    expect(answer).toMatch(/\r\nAccess-Control-Allow-Headers: Authorization,Content-Type,/)
  })

  test('gets a 404 for OPTIONS on an unknown path', async () => {
    const { ask } = await startServer()
    expect(await ask('/nothing', { Origin: 'app://x' }, 'OPTIONS')).toMatch(/^HTTP\/1\.1 404 /)
  })
})
