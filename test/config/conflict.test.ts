import { describe, expect, it } from 'vitest'
import { loaded, problems } from './sources.ts'

// The machine of these tests is called `box` and has 192.168.1.5 and fd00::5.
describe('foreman as its own target', () => {
  const found = (url: string, addr: string): readonly string[] =>
    problems({ env: { FOREMAN_OLLAMA_URL: url, FOREMAN_ADDR: addr } })

  it.each([
    ['http://127.0.0.1:8080', '127.0.0.1:8080'],
    ['http://127.1:8080', '127.0.0.1:8080'],
    ['http://localhost:8080', '127.0.0.1:8080'],
    ['http://localhost:8080/prefix', '[::1]:8080'],
    ['http://[::1]:8080', '[0:0:0:0:0:0:0:1]:8080'],
    ['http://127.0.0.1:8080', 'localhost:8080'],
    ['http://0.0.0.0:8080', '127.0.0.1:8080'],
    ['http://127.0.0.1:8080', ':8080'],
    ['http://192.168.1.5:8080', ':8080'],
    ['http://[fd00::5]:8080', '0.0.0.0:8080'],
    ['http://box:8080', ':8080'],
    ['http://BOX:8080', '192.168.1.5:8080'],
    ['http://localhost', ':80'],
    ['https://localhost', ':443'],
  ])('is rejected: %s while listening on %s', (url, addr) => {
    expect(found(url, addr)).toEqual([expect.stringContaining('would listen on')])
  })

  it.each([
    ['http://127.0.0.1:11434', '127.0.0.1:8080'],
    ['http://127.0.0.2:8080', '127.0.0.1:8080'],
    ['http://mac.local:8080', ':8080'],
    ['http://192.168.1.6:8080', ':8080'],
    ['http://127.0.0.1:8080', '192.168.1.5:8080'],
    ['http://127.0.0.1:8080', '127.0.0.1:0'],
    ['http://box:8080', '127.0.0.1:8080'],
  ])('is not suspected: %s while listening on %s', (url, addr) => {
    expect(found(url, addr)).toEqual([])
  })

  it('is rejected by its public address too', () => {
    const env = { FOREMAN_OLLAMA_URL: 'https://gpu.example.org/', FOREMAN_PUBLIC_URL: 'https://gpu.example.org' }
    expect(problems({ env })).toEqual([expect.stringContaining('FOREMAN_PUBLIC_URL')])
  })
})

it('two kinds of credentials for the target are rejected', () => {
  const env = { FOREMAN_OLLAMA_URL: 'http://mac.local', FOREMAN_OLLAMA_TOKEN: 'x', FOREMAN_OLLAMA_BASIC: 'a:b' }
  expect(problems({ env })).toEqual([expect.stringContaining('is set together with FOREMAN_OLLAMA_TOKEN')])
})

describe('a warning', () => {
  const warnings = (env: Record<string, string>): readonly string[] =>
    loaded({ env: { FOREMAN_OLLAMA_URL: 'http://mac.local:11434', ...env } }).warnings

  it.each([':8080', '0.0.0.0:8080', '[::]:8080', '192.168.1.5:8080', 'box:8080'])(
    'is given for %s without a token',
    (addr) => {
      expect(warnings({ FOREMAN_ADDR: addr })).toEqual([expect.stringContaining('FOREMAN_TOKEN is not set')])
      expect(warnings({ FOREMAN_ADDR: addr, FOREMAN_TOKEN: 'x' })).toEqual([])
    },
  )

  it('writes the address in the form of a setting', () => {
    expect(warnings({ FOREMAN_ADDR: '[::]:8080' })).toEqual([expect.stringContaining('FOREMAN_ADDR=[::]:8080 is')])
  })

  it.each(['127.0.0.1:8080', '127.9.9.9:8080', '[::1]:8080', 'localhost:8080'])('is not given for %s', (addr) => {
    expect(warnings({ FOREMAN_ADDR: addr })).toEqual([])
  })

  it('is given for likely mistakes and security holes', () => {
    expect(warnings({ FOREMAN_OLLAMA_URL: 'http://mac.local' })).toEqual([expect.stringContaining('no port')])
    expect(warnings({ FOREMAN_OLLAMA_URL: 'https://mac.local' })).toEqual([])
    expect(warnings({ FOREMAN_ORIGINS: '*' })).toEqual([expect.stringContaining('every web page')])
    expect(warnings({ FOREMAN_WEBHOOK_ALLOW: '0.0.0.0/0,::/0' })).toHaveLength(2)
  })
})
