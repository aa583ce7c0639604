// Who may call, under which name, and from which page: each rule as a table, then all of them on the real server.

import { describe, expect, test } from 'vitest'
import type { Config } from '../../src/daemon/config/config.ts'
import { TokenCheck } from '../../src/daemon/http/auth.ts'
import { hostName, hostRule, isHostAllowed } from '../../src/daemon/http/host.ts'
import { judgeOrigin, originRule } from '../../src/daemon/http/origin.ts'
import { knownTarget, startHalf } from './half.ts'
import { exchange } from './raw-socket.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

const TOKEN = 'sesame-open-up-please'
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

describe('the token', () => {
  const check = new TokenCheck(TOKEN)

  test.each([
    ['as bearer', { authorization: `Bearer ${TOKEN}` }],
    ['as bearer, scheme in lower case', { authorization: `bearer ${TOKEN}` }],
    ['as bearer, scheme in upper case', { authorization: `BEARER ${TOKEN}` }],
    ['as the Basic password', { authorization: basic('anybody', TOKEN) }],
    ['as the Basic password without a user', { authorization: basic('', TOKEN) }],
    ['as x-api-key', { 'x-api-key': TOKEN }],
    ['as x-api-key beside another bearer', { 'x-api-key': TOKEN, authorization: 'Bearer ollama' }],
    ['as bearer beside another x-api-key', { 'x-api-key': 'sk-1', authorization: `Bearer ${TOKEN}` }],
  ])('counts %s', (_name, headers) => {
    expect(check.proves(headers)).toBe(true)
  })

  test.each([
    ['nothing', {}],
    ['an empty header', { authorization: '' }],
    ['a scheme without a token', { authorization: 'Bearer' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
    ['two spaces', { authorization: `Bearer  ${TOKEN}` }],
    ['one letter too few', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ['one letter too many', { authorization: `Bearer ${TOKEN}x` }],
    ['another case', { authorization: `Bearer ${TOKEN.toUpperCase()}` }],
    ['the bare token', { authorization: TOKEN }],
    ['another scheme', { authorization: `Token ${TOKEN}` }],
    ['Basic with it as the user', { authorization: basic(TOKEN, '') }],
    ['Basic that is no base64', { authorization: 'Basic %%%' }],
    ['Basic without a colon', { authorization: `Basic ${Buffer.from(TOKEN).toString('base64')}` }],
    ['its digest', { 'x-api-key': 'b7f6c1' }],
    ['format strings', { authorization: "Bearer %s' OR 1=1 --" }],
  ])('is not proven by %s', (_name, headers) => {
    expect(check.proves(headers)).toBe(false)
  })

  test('proves nothing while none is set', () => {
    expect(new TokenCheck(null).proves({ authorization: `Bearer ${TOKEN}` })).toBe(false)
  })

  test('may hold a colon as the Basic password', () => {
    expect(new TokenCheck('a:b:c').proves({ authorization: basic('user', 'a:b:c') })).toBe(true)
  })
})

describe('the name in Host', () => {
  test.each([
    ['localhost', 'localhost'],
    ['LOCALHOST:8080', 'localhost'],
    ['mac.local.:8080', 'mac.local'],
    ['192.168.1.5:80', '192.168.1.5'],
    ['[::1]:8080', '::1'],
    ['[FE80::1]', 'fe80::1'],
    ['[2001:0db8:0::1]:1', '2001:db8::1'],
    ['under_score:1', 'under_score'],
    ['host:', 'host'],
  ])('of %s is %s', (header, name) => {
    expect(hostName(header)).toBe(name)
  })

  test.each([
    '',
    '.',
    ':80',
    'a b',
    'a@b',
    'a/b',
    '[::1',
    '[nonsense]:1',
    'host:port',
    'host:123456',
    'ä.local',
    '::1',
  ])('is none in %j', (header) => {
    expect(hostName(header)).toBeNull()
  })

  const anywhere = hostRule(
    { addr: { host: '' }, hosts: ['Gpu.Example.Org'], publicUrl: 'https://ai.example.com/x' },
    'Tower',
  )
  const loopback = hostRule(
    { addr: { host: '127.0.0.1' }, hosts: ['gpu.example.org'], publicUrl: null },
    'tower.example.net',
  )

  test.each([
    'localhost',
    'a.localhost',
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '192.168.1.5',
    '8.8.8.8',
    'fe80::1',
    'foreman',
    'tower',
    'mac.local',
    'nas.lan',
    'box.home.arpa',
    'vm.internal',
    'mac.tail1234.ts.net',
    'gpu.example.org',
    'ai.example.com',
    '0.0.0.0',
  ])('may be %s on any interface', (name) => {
    expect(isHostAllowed(name, anywhere)).toBe(true)
  })

  test.each([
    'evil.example',
    'localhost.evil.example',
    'evillocal.com',
    'x.lan.evil.com',
    'example.org',
    '127.1',
    '1.2.3',
    '127.0.0.1.nip.io',
  ])('may not be %s on any interface', (name) => {
    expect(isHostAllowed(name, anywhere)).toBe(false)
  })

  test.each([
    'localhost',
    'a.localhost',
    '127.0.0.1',
    '127.0.0.2',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    'gpu.example.org',
    '0.0.0.0',
  ])('may be %s on a loopback bind', (name) => {
    expect(isHostAllowed(name, loopback)).toBe(true)
  })

  test.each([
    ['192.168.1.5', { hosts: ['192.168.1.5'], publicUrl: null }],
    ['[2001:db8::1]:80', { hosts: ['2001:db8::1'], publicUrl: null }],
    ['[2001:db8::1]:80', { hosts: [], publicUrl: 'http://[2001:DB8:0::1]:8080' }],
    ['gpu.example.org', { hosts: [], publicUrl: 'https://gpu.example.org./x' }],
  ])('may be %s on a loopback bind when a setting says so', (header, settings) => {
    const rule = hostRule({ addr: { host: '127.0.0.1' }, ...settings }, 'tower')
    expect(isHostAllowed(hostName(header) ?? '', rule)).toBe(true)
  })

  test.each([
    'foreman',
    'mac.local',
    '192.168.1.5',
    '8.8.8.8',
    'tower.example.net',
    'evil.example',
    '2130706433',
    '::2',
    '::ffff:8.8.8.8',
    '1270.0.0.1',
  ])('may not be %s on a loopback bind', (name) => {
    expect(isHostAllowed(name, loopback)).toBe(false)
  })

  test.each(['localhost', '::1', '127.0.0.5', 'LocalHost'])('is held to loopback names by a bind to %s', (host) => {
    expect(hostRule({ addr: { host }, hosts: [], publicUrl: null }, 'tower').loopbackOnly).toBe(true)
  })
})

describe('the origin of a page', () => {
  const usual = originRule([])
  const verdict = (origin: string, host = 'localhost:8080', rule = usual) => judgeOrigin({ origin, host }, rule).kind

  test.each([
    'http://localhost',
    'https://localhost',
    'http://localhost:3000',
    'https://127.0.0.1:8443',
    'http://0.0.0.0:1',
    'HTTP://LOCALHOST:1',
    'app://obsidian.md',
    'file://',
    'tauri://localhost',
    'vscode-webview://abc',
    'vscode-file://vscode-app',
  ])('%s is one of the usual ones', (origin) => {
    expect(verdict(origin)).toBe('allowed')
  })

  test.each([
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'http://localhost:1.evil.example',
    'http://127.0.0.1.nip.io',
    'chrome-extension://abc',
    'moz-extension://abc',
    'ftp://localhost',
    'http://[::1]:3000',
    'evil',
    'http://',
    'xapp://y',
    'http://localhost:99999999',
  ])('%s is not', (origin) => {
    expect(verdict(origin)).toBe('refused')
  })

  test('extensions are let in by one word', () => {
    const rule = originRule(['extensions'])
    for (const scheme of ['chrome', 'moz', 'safari', 'safari-web', 'ms-browser']) {
      expect(verdict(`${scheme}-extension://abcdef`, 'localhost', rule)).toBe('allowed')
    }
    expect(verdict('https://evil.example', 'localhost', rule)).toBe('refused')
  })

  test('a star in the settings stands for any run of characters, and a dot for a dot', () => {
    const rule = originRule(['https://*.example.org', 'http://nas.lan:*'])
    expect(verdict('https://a.b.example.org', 'localhost', rule)).toBe('allowed')
    expect(verdict('http://nas.lan:81', 'localhost', rule)).toBe('allowed')
    expect(verdict('https://a.example.orgs', 'localhost', rule)).toBe('refused')
    expect(verdict('https://axexample.org', 'localhost', rule)).toBe('refused')
    expect(verdict('http://nas.lan', 'localhost', rule)).toBe('refused')
  })

  test('a star alone lets everybody in, and says so to the browser', () => {
    expect(judgeOrigin({ origin: 'null', host: 'localhost' }, originRule(['*']))).toEqual({
      kind: 'allowed',
      allow: '*',
    })
  })

  test('whose host is the one that was called is the same site, whatever its port', () => {
    expect(verdict('http://mac.local', 'mac.local:8080')).toBe('allowed')
    expect(verdict('http://mac.local:3000', 'mac.local:8080')).toBe('allowed')
    expect(verdict('http://[fe80::1]', '[fe80::1]:8080')).toBe('allowed')
    expect(verdict('http://mac.local.evil.example', 'mac.local:8080')).toBe('refused')
    expect(verdict('ws://mac.local', 'mac.local:8080')).toBe('refused')
  })

  test('that names none is let in, unless the browser says that it is another site', () => {
    expect(judgeOrigin({ host: 'localhost' }, usual).kind).toBe('none')
    expect(judgeOrigin({ host: 'localhost', 'sec-fetch-site': 'same-origin' }, usual).kind).toBe('none')
    expect(judgeOrigin({ host: 'localhost', 'sec-fetch-site': 'none' }, usual).kind).toBe('none')
    expect(judgeOrigin({ host: 'localhost', 'sec-fetch-site': 'cross-site' }, usual).kind).toBe('refused')
    expect(judgeOrigin({ host: 'localhost', origin: 'app://x', 'sec-fetch-site': 'cross-site' }, usual).kind).toBe(
      'allowed',
    )
  })
})

async function startServer(config: Partial<Config> = {}) {
  const target = await startSmallTarget(answersEmpty)
  const half = await startHalf(target, { config })
  half.status = knownTarget(0)
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<string> => {
    const lines = Object.entries({ Host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    const body = method === 'POST' ? 'Content-Length: 2\r\nConnection: close\r\n\r\n{}' : 'Connection: close\r\n\r\n'
    return exchange(half.port, `${method} ${path} HTTP/1.1\r\n${lines.join('')}${body}`)
  }
  return { target, half, ask }
}

describe('with a token set', () => {
  test.each(['/healthz', '/readyz', '/api/version', '/'])('%s is open', async (path) => {
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
  ])('%s %s without it is a 401 that names the scheme, and nothing else happens', async (method, path) => {
    const { ask, target, half } = await startServer({ token: TOKEN })
    const answer = await ask(path, {}, method)
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/)
    expect(answer).toMatch(/\r\nWWW-Authenticate: Bearer\r\n/)
    expect(answer).toMatch(/\r\nX-Foreman-Error: unauthorized\r\n/)
    expect(target.seen).toEqual([])
    expect(half.submitted).toEqual([])
    expect(half.app.queue.paused).toBe(false)
  })

  test('a 401 has the shape of its surface', async () => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask('/api/tags')).toMatch(/\{"error":"unauthorized: /)
    expect(await ask('/v1/models')).toMatch(/\{"error":\{"message":"unauthorized: [^"]*","type":/)
    expect(await ask('/v1/messages', {}, 'POST')).toMatch(/\{"type":"error","error":\{"type":"authentication_error"/)
    expect(await ask('/status')).toMatch(/"code":"unauthorized"\}/)
  })

  test('it opens everything', async () => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask('/api/tags', { Authorization: `Bearer ${TOKEN}` })).toMatch(/^HTTP\/1\.1 200 /)
    expect(await ask('/metrics', { 'X-Api-Key': TOKEN })).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('R04 it is not looked for in the query', async () => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask(`/api/tags?token=${TOKEN}`)).toMatch(/^HTTP\/1\.1 401 /)
  })

  test('it excuses the Host, but not the Origin', async () => {
    const { ask } = await startServer({ token: TOKEN })
    const Authorization = `Bearer ${TOKEN}`
    expect(await ask('/api/tags', { Host: 'public.example', Authorization })).toMatch(/^HTTP\/1\.1 200 /)
    expect(await ask('/api/tags', { Host: 'public.example' })).toMatch(/^HTTP\/1\.1 403 /)
    expect(await ask('/api/tags', { Origin: 'https://evil.example', Authorization })).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('it is never written into the log', async () => {
    const { ask, half } = await startServer({ token: TOKEN })
    await ask('/api/tags', { Authorization: `Bearer ${TOKEN}` })
    await ask('/api/status', { Authorization: `Bearer ${TOKEN}` })
    await ask('/api/tags', { Authorization: `Bearer ${TOKEN}x` })
    expect(half.logged.join('\n')).not.toContain(TOKEN)
  })

  test('a preflight needs neither it nor a known Host: it can carry no token, and does nothing', async () => {
    const { ask } = await startServer({ token: TOKEN })
    const answer = await ask('/api/chat', { Host: 'public.example', Origin: 'app://obsidian.md' }, 'OPTIONS')
    expect(answer).toMatch(/^HTTP\/1\.1 204 /)
  })
})

test('without a token set, whatever is sent is ignored', async () => {
  const { ask } = await startServer()
  expect(await ask('/api/tags', { Authorization: 'Bearer ollama', 'X-Api-Key': 'sk-1' })).toMatch(/^HTTP\/1\.1 200 /)
  expect(await ask('/api/tags', { Authorization: 'nonsense' })).toMatch(/^HTTP\/1\.1 200 /)
})

describe('rebinding', () => {
  test.each(['/api/tags', '/', '/status', '/v1/models', '/nothing'])(
    'a foreign Host on %s is a 403 that names the setting',
    async (path) => {
      const { ask } = await startServer()
      const answer = await ask(path, { Host: 'evil.example:8080' })
      expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
      expect(answer).toMatch(/host evil\.example is not allowed; add it to FOREMAN_HOSTS/)
      expect(answer).not.toMatch(/Access-Control/i)
    },
  )

  test('a page of that Host gains nothing by being the same site', async () => {
    const { ask } = await startServer()
    expect(await ask('/api/tags', { Host: 'evil.example', Origin: 'http://evil.example' })).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('R13 forwarding headers change nothing', async () => {
    const { ask } = await startServer()
    const forged = { 'X-Forwarded-Host': 'localhost', 'X-Forwarded-For': '127.0.0.1', Forwarded: 'host=localhost' }
    expect(await ask('/api/tags', { Host: 'evil.example', ...forged })).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('health is told under any name', async () => {
    const { ask } = await startServer()
    expect(await ask('/healthz', { Host: 'anything.example' })).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('pages', () => {
  test.each([
    ['GET', '/api/tags'],
    ['GET', '/'],
    ['GET', '/healthz'],
    ['POST', '/api/chat'],
    ['POST', '/api/embed'],
    ['OPTIONS', '/api/chat'],
    ['GET', '/nothing'],
    ['POST', '/pause'],
  ])('R10 of a foreign origin get a 403 on %s %s', async (method, path) => {
    const { ask, target, half } = await startServer()
    const answer = await ask(path, { Origin: 'https://evil.example' }, method)
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(answer).not.toMatch(/Access-Control/i)
    expect(target.seen).toEqual([])
    expect(half.submitted).toEqual([])
    expect(half.app.queue.paused).toBe(false)
  })

  test('R12 of another site that send no origin get a 403', async () => {
    const { ask } = await startServer()
    expect(await ask('/api/tags', { 'Sec-Fetch-Site': 'cross-site' })).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('that are allowed may read the answer and its headers', async () => {
    const { ask } = await startServer()
    const answer = await ask('/api/tags', { Origin: 'http://localhost:3000' })
    expect(answer).toMatch(/\r\nAccess-Control-Allow-Origin: http:\/\/localhost:3000\r\n/)
    expect(answer).toMatch(/\r\nVary: Origin\r\n/)
    expect(answer).toMatch(
      /\r\nAccess-Control-Expose-Headers: [^\r]*X-Foreman-Job-Id[^\r]*Retry-After[^\r]*Location[^\r]*Age/,
    )
  })

  test('may read why they were refused', async () => {
    const { ask } = await startServer({ token: TOKEN })
    expect(await ask('/api/tags', { Origin: 'app://x' })).toMatch(
      /^HTTP\/1\.1 401 [\s\S]*Access-Control-Allow-Origin: app:\/\/x\r\n/,
    )
  })

  test('get CORS headers on direct and on queued answers too, once', async () => {
    const { ask, target } = await startServer()
    const headers = { Origin: 'http://localhost:3000', 'Content-Type': 'application/json' }
    const embedded = await ask('/api/embed', headers, 'POST')
    expect(embedded.match(/Access-Control-Allow-Origin/g)).toHaveLength(1)
    expect(embedded).toMatch(/^HTTP\/1\.1 200 /)
    expect(target.seen[0]?.headers).not.toHaveProperty('origin')
  })

  test('a preflight is answered with what it asks for, and a day to remember it', async () => {
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

  test('a preflight cannot have its nonsense echoed', async () => {
    const { ask } = await startServer()
    const answer = await ask(
      '/api/chat',
      { Origin: 'app://x', 'Access-Control-Request-Headers': 'a, "b";c' },
      'OPTIONS',
    )
    expect(answer).toMatch(/\r\nAccess-Control-Allow-Headers: Authorization,Content-Type,/)
  })

  test('OPTIONS of what is not there is a 404', async () => {
    const { ask } = await startServer()
    expect(await ask('/nothing', { Origin: 'app://x' }, 'OPTIONS')).toMatch(/^HTTP\/1\.1 404 /)
  })
})
