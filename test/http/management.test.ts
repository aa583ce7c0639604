// Routes that change the target's models: refused by default, and passed through if allowed.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { until } from '../harness.ts'
import { startHttpHarness } from './http-harness.ts'
import { rawSocket } from './raw-socket.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const ROUTES = [
  ['POST', '/api/pull'],
  ['POST', '/api/push'],
  ['POST', '/api/create'],
  ['POST', '/api/copy'],
  ['DELETE', '/api/delete'],
  ['POST', `/api/blobs/${DIGEST}`],
  ['HEAD', `/api/blobs/${DIGEST}`],
  ['POST', '/api/signout'],
  ['DELETE', '/api/user/keys/c3No'],
  ['POST', '/api/experimental/aliases'],
  ['DELETE', '/api/experimental/aliases'],
] as const

describe('model management without FOREMAN_ALLOW_MANAGEMENT', () => {
  test.each(ROUTES)(
    'is refused for %s %s with a 403 that names the setting, and the target gets nothing',
    async (method, path) => {
      const target = await startSmallTarget(answersEmpty)
      const harness = await startHttpHarness(target)
      const answer = await fetch(harness.url + path, {
        method,
        ...(method === 'HEAD' ? {} : { body: '{"model":"x"}' }),
      })
      expect(answer.status).toBe(403)
      expect(answer.headers.get('x-foreman-error')).toBe('management_disabled')
      if (method !== 'HEAD')
        expect(await answer.json()).toEqual({ error: expect.stringContaining('FOREMAN_ALLOW_MANAGEMENT=true') })
      expect(target.seen).toEqual([])
    },
  )

  test('U06 is refused for everything under /api/blobs too', async () => {
    const target = await startSmallTarget(answersEmpty)
    const harness = await startHttpHarness(target)
    expect((await fetch(`${harness.url}/api/blobs/..%5C..%5Cetc`, { method: 'POST' })).status).toBe(403)
    expect((await fetch(`${harness.url}/api/blobs/%2e%2e%2fetc`, { method: 'POST' })).status).toBe(404)
  })
})

describe('model management with FOREMAN_ALLOW_MANAGEMENT', () => {
  const config = { allowManagement: true }

  test.each(ROUTES)('passes %s %s through and probes the target afterwards', async (method, path) => {
    const target = await startSmallTarget((_seen, res) => void res.writeHead(200).end())
    const harness = await startHttpHarness(target, { config })
    const answer = await fetch(harness.url + path, { method, ...(method === 'HEAD' ? {} : { body: '{"model":"x"}' }) })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    expect(target.seen.map((seen) => [seen.method, seen.url])).toEqual([[method, path]])
    await until('the target is probed', () => harness.probed.includes('management'))
  })

  test("streams a blob of any size with the caller's Content-Length", async () => {
    const target = await startSmallTarget(
      (seen, res) => void res.writeHead(201).end(createHash('sha256').update(seen.body).digest('hex')),
    )
    const harness = await startHttpHarness(target, { config: { ...config, maxBody: 1024 } })
    const blob = Buffer.alloc(5_000_000, 'weights')
    const answer = await fetch(`${harness.url}/api/blobs/${DIGEST}`, { method: 'POST', body: blob })
    expect([answer.status, await answer.text()]).toEqual([201, createHash('sha256').update(blob).digest('hex')])
    expect(target.seen[0]?.headers['content-length']).toBe(String(blob.length))
  })

  test('streams a chunked blob as it arrives', async () => {
    let first: Promise<unknown> = new Promise(() => {})
    const arrivals: Buffer[] = []
    const target = await startSmallTarget(answersEmpty, (req, res) => {
      first = new Promise((resolve) => req.once('data', resolve))
      req.on('data', (chunk: Buffer) => arrivals.push(chunk))
      req.on('end', () => res.end(String(Buffer.concat(arrivals).length)))
      return true
    })
    const harness = await startHttpHarness(target, { config })
    const line = await rawSocket(harness.port)
    line.send(
      `POST /api/blobs/${DIGEST} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n`,
    )
    await until('the target was asked', () => arrivals.length > 0)
    await first
    line.send('2\r\nde\r\n0\r\n\r\n')
    expect(await line.rest()).toMatch(/\r\n\r\n(1\r\n)?5/)
  })

  test.each([
    'sha256:short',
    'sha256-',
    `md5:${'a'.repeat(64)}`,
    `sha256:${'g'.repeat(64)}`,
    `sha256:${'a'.repeat(65)}`,
  ])("answers the digest %s with Ollama's 400, and never puts it into a path", async (digest) => {
    const target = await startSmallTarget(answersEmpty)
    const harness = await startHttpHarness(target, { config })
    const answer = await fetch(`${harness.url}/api/blobs/${digest}`, { method: 'POST', body: 'x' })
    expect([answer.status, await answer.text()]).toEqual([400, '{"error":"invalid digest format"}'])
    expect(target.seen).toEqual([])
  })

  test('passes on the answer of a target that has the blob and does not read it, and closes the connection', async () => {
    const target = await startSmallTarget(answersEmpty, (req, res) => {
      if (req.method !== 'POST') return false
      res.writeHead(200, { 'Content-Length': '2', Connection: 'close' }).end('ok')
      return true
    })
    const harness = await startHttpHarness(target, { config })
    const line = await rawSocket(harness.port)
    line.send(
      `POST /api/blobs/${DIGEST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`,
    )
    const answer = await line.until(/\r\n\r\nok$/)
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n/)
    await harness.clock.armed()
    harness.clock.advance(10_000)
    expect(await line.rest()).toBe(answer)
  })

  test('cuts an upload that stalls', async () => {
    const target = await startSmallTarget(() => {})
    const harness = await startHttpHarness(target, { config })
    const line = await rawSocket(harness.port)
    line.send(`POST /api/blobs/${DIGEST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nxxx`)
    await harness.clock.armed()
    await harness.clock.advanceSoftly(70_000)
    expect(await line.rest()).not.toMatch(/ 200 /)
  })

  test('aborts an upload at the target if its caller hangs up', async () => {
    let broken: Promise<unknown> = new Promise(() => {})
    let whole = false
    const target = await startSmallTarget(answersEmpty, (req) => {
      broken = new Promise((resolve) => req.once('close', resolve))
      req
        .on('error', () => {})
        .on('end', () => (whole = true))
        .resume()
      asked = true
      return true
    })
    let asked = false
    const harness = await startHttpHarness(target, { config })
    const line = await rawSocket(harness.port)
    line.send(`POST /api/blobs/${DIGEST} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`)
    await until('the target was asked', () => asked)
    line.socket.destroy()
    await broken
    expect(whole).toBe(false)
  })

  test('is 503 while foreman stops', async () => {
    const target = await startSmallTarget(answersEmpty)
    const harness = await startHttpHarness(target, { config })
    harness.phase = 'stopping'
    expect((await fetch(`${harness.url}/api/pull`, { method: 'POST', body: '{}' })).status).toBe(503)
  })
})
