// The listening socket: taken ports, limits on connections, and an orderly end.

import http from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createServer } from '../../src/daemon/http/server.ts'
import { until } from '../harness.ts'
import { startHttpHarness } from './http-harness.ts'
import { rawSocket } from './raw-socket.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

test('a port that is taken is an error with exit code 69 that names the address', async () => {
  const taken = createNetServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void taken.close())
  const { port } = taken.address() as AddressInfo
  const harness = await startHttpHarness(await startSmallTarget(answersEmpty))
  const second = createServer({ ...harness.app, config: { ...harness.app.config, addr: { host: '127.0.0.1', port } } })
  await expect(second.listen()).rejects.toMatchObject({
    exitCode: 69,
    message: expect.stringContaining(`127.0.0.1:${port}`),
  })
  await second.close()
})

test('an address of another machine is an error with exit code 69', async () => {
  const harness = await startHttpHarness(await startSmallTarget(answersEmpty))
  const server = createServer({
    ...harness.app,
    config: { ...harness.app.config, addr: { host: '192.0.2.1', port: 0 } },
  })
  await expect(server.listen()).rejects.toMatchObject({ exitCode: 69 })
})

test('an empty host listens on every interface', async () => {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target, { config: { addr: { host: '', port: 0 } } })
  expect((await fetch(`http://127.0.0.1:${harness.port}/healthz`)).status).toBe(200)
})

test('a kept connection has a Keep-Alive timeout longer than that of pooled clients', async () => {
  const harness = await startHttpHarness(await startSmallTarget(answersEmpty))
  const answer = await fetch(`${harness.url}/healthz`)
  expect(answer.headers.get('keep-alive')).toBe('timeout=75')
})

test('a connection beyond the limit is dropped, and the others continue', async () => {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target, {
    config: { maxQueue: 1, embedQueue: 0 },
    limits: { headRoom: 1, forHealth: 0 },
  })
  const [first, second] = [await rawSocket(harness.port), await rawSocket(harness.port)]
  const ask = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
  first.send(ask)
  await first.until(/ok/)
  second.send(ask)
  await second.until(/ok/)
  const third = await rawSocket(harness.port)
  third.send(ask)
  expect(await third.rest()).toBe('')
  first.send(ask)
  await first.until(/ok[\s\S]*ok/)
})

test('closing ends idle connections at once, also those without a request', async () => {
  const harness = await startHttpHarness(await startSmallTarget(answersEmpty))
  const server = createServer(harness.app)
  const { port } = await server.listen()
  const [silent, idle] = [await rawSocket(port), await rawSocket(port)]
  idle.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await idle.until(/ok/)
  // The clock does not run, so nothing here waits for the end of a grace period.
  await server.close()
  expect(await silent.rest()).toBe('')
  expect(await idle.rest()).toMatch(/ 200 /)
  const late = http.get(`http://127.0.0.1:${port}/healthz`)
  await expect(new Promise((resolve, reject) => late.on('response', resolve).on('error', reject))).rejects.toThrow()
})

test('closing waits for a running answer', async () => {
  const ends: (() => void)[] = []
  const target = await startSmallTarget((_seen, res) => void ends.push(() => void res.end('whole')))
  const harness = await startHttpHarness(target)
  const server = createServer(harness.app)
  const { port } = await server.listen()
  const line = await rawSocket(port)
  line.send('GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until('it is under way', () => ends.length === 1)
  const closing = server.close()
  ends[0]?.()
  expect(await line.rest()).toMatch(/whole$/)
  await closing
})

test('closing cuts an answer that takes longer than a second', async () => {
  let asked = false
  const target = await startSmallTarget(() => {
    asked = true
  })
  const harness = await startHttpHarness(target)
  const server = createServer(harness.app)
  const { port } = await server.listen()
  const line = await rawSocket(port)
  line.send('GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until('it is under way', () => asked)
  const closing = server.close()
  harness.clock.advance(999)
  expect(line.received).toBe('')
  harness.clock.advance(1)
  expect(await line.rest()).toBe('')
  await closing
})

test('closing may be repeated', async () => {
  const harness = await startHttpHarness(await startSmallTarget(answersEmpty))
  await Promise.all([harness.close(), harness.close()])
})
