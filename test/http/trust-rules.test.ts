// Tables of the access rules: caller, host name, and origin.

import { describe, expect, test } from 'vitest'
import { TokenCheck } from '../../src/daemon/http/gate/auth.ts'
import { hostName, hostRule, isHostAllowed } from '../../src/daemon/http/gate/host.ts'
import { judgeOrigin, originRule } from '../../src/daemon/http/gate/origin.ts'

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
  ])('is accepted as %s', (_name, headers) => {
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
  ])('is not accepted as %s', (_name, headers) => {
    expect(check.proves(headers)).toBe(false)
  })

  test('is never accepted while none is set', () => {
    expect(new TokenCheck(null).proves({ authorization: `Bearer ${TOKEN}` })).toBe(false)
  })

  test('may contain a colon as the Basic password', () => {
    expect(new TokenCheck('a:b:c').proves({ authorization: basic('user', 'a:b:c') })).toBe(true)
  })
})

describe('the host name in Host', () => {
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
  ])('is invalid in %j', (header) => {
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
  ])('may be %s on a loopback bind with a setting', (header, settings) => {
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

  test.each(['localhost', '::1', '127.0.0.5', 'LocalHost'])('must be a loopback name on a bind to %s', (host) => {
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
  ])('%s is allowed by default', (origin) => {
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
  ])('%s is not allowed by default', (origin) => {
    expect(verdict(origin)).toBe('refused')
  })

  test('of an extension is allowed by one keyword', () => {
    const rule = originRule(['extensions'])
    for (const scheme of ['chrome', 'moz', 'safari', 'safari-web', 'ms-browser']) {
      expect(verdict(`${scheme}-extension://abcdef`, 'localhost', rule)).toBe('allowed')
    }
    expect(verdict('https://evil.example', 'localhost', rule)).toBe('refused')
  })

  test('matches a pattern with a star for any characters and a literal dot', () => {
    const rule = originRule(['https://*.example.org', 'http://nas.lan:*'])
    expect(verdict('https://a.b.example.org', 'localhost', rule)).toBe('allowed')
    expect(verdict('http://nas.lan:81', 'localhost', rule)).toBe('allowed')
    expect(verdict('https://a.example.orgs', 'localhost', rule)).toBe('refused')
    expect(verdict('https://axexample.org', 'localhost', rule)).toBe('refused')
    expect(verdict('http://nas.lan', 'localhost', rule)).toBe('refused')
  })

  test('is always allowed by a single star, and the browser is told so', () => {
    expect(judgeOrigin({ origin: 'null', host: 'localhost' }, originRule(['*']))).toEqual({
      kind: 'allowed',
      allow: '*',
    })
  })

  test('with the called host is the same site, whatever its port', () => {
    expect(verdict('http://mac.local', 'mac.local:8080')).toBe('allowed')
    expect(verdict('http://mac.local:3000', 'mac.local:8080')).toBe('allowed')
    expect(verdict('http://[fe80::1]', '[fe80::1]:8080')).toBe('allowed')
    expect(verdict('http://mac.local.evil.example', 'mac.local:8080')).toBe('refused')
    expect(verdict('ws://mac.local', 'mac.local:8080')).toBe('refused')
  })

  test('is not needed, unless the browser says that the page is on another site', () => {
    expect(judgeOrigin({ host: 'localhost' }, usual).kind).toBe('none')
    expect(judgeOrigin({ host: 'localhost', 'sec-fetch-site': 'same-origin' }, usual).kind).toBe('none')
    expect(judgeOrigin({ host: 'localhost', 'sec-fetch-site': 'none' }, usual).kind).toBe('none')
    expect(judgeOrigin({ host: 'localhost', 'sec-fetch-site': 'cross-site' }, usual).kind).toBe('refused')
    expect(judgeOrigin({ host: 'localhost', origin: 'app://x', 'sec-fetch-site': 'cross-site' }, usual).kind).toBe(
      'allowed',
    )
  })
})
