// Probes of the target and of its models: on fresh connections, within a deadline, and never throwing.

import { expect, test } from 'vitest'
import { createLog } from '../../src/daemon/runtime/log.ts'
import { page, raw, stalls } from '../fake-ollama.ts'
import { TestClock } from '../test-clock.ts'
import { fakeAndTarget, sendDirect, sendJob, targetAt } from './with-target.ts'

test('a probe reads tags, ps and version as the target wrote them, on its own connections', async () => {
  const { fake, target } = await fakeAndTarget()
  await sendJob(target).sink.ended
  const result = await target.probe(5_000)
  if (result.kind !== 'answered') throw new Error(result.reason)
  expect(JSON.parse(result.snapshot.tags.toString()).models.length).toBe(fake.models.length)
  expect(JSON.parse(result.snapshot.ps.toString()).models[0].name).toBe('tiny-a:latest')
  expect(result.snapshot.version).toBe('0.17.4')
  expect(fake.connections).toBe(4)
  expect(fake.log.slice(1).map((request) => request.header('connection'))).toEqual(['close', 'close', 'close'])
})

test.each<[string, string, Parameters<Awaited<ReturnType<typeof fakeAndTarget>>['fake']['always']>[1], string]>([
  ['a login page', '/api/tags', page(200, 'Login'), 'foreign'],
  ['another JSON service', '/api/ps', { body: '{"hello":"world"}' }, 'foreign'],
  ['a list', '/api/tags', { body: '[]' }, 'foreign'],
  ['no version', '/api/version', { body: '{"version":1}' }, 'foreign'],
  ['404', '/api/version', { status: 404, body: '404 page not found' }, 'foreign'],
  ['a redirect', '/api/tags', { status: 302, headers: [['Location', '/login']] }, 'foreign'],
  ['tags that fail', '/api/tags', { status: 500, body: '{"error":"x"}' }, 'unreachable'],
  ['a proxy before a dead one', '/api/ps', page(502), 'unreachable'],
  ['a socket that closes', '/api/version', { ending: 'fin', headless: true }, 'unreachable'],
  ['no HTTP', '/api/version', raw('SSH-2.0\r\n'), 'unreachable'],
  ['a ps of more than 4 MiB', '/api/ps', { body: `{"models":["${'x'.repeat(4 * 1024 ** 2)}"]}` }, 'unreachable'],
])('%s at %s is not an inventory', async (_what, path, script, kind) => {
  const { fake, target } = await fakeAndTarget()
  fake.always(path, script)
  const result = await target.probe(5_000)
  expect(result.kind).toBe(kind)
  expect(result).toHaveProperty('reason', expect.stringContaining(path))
})

test('lists that are null are empty', async () => {
  const { fake, target } = await fakeAndTarget()
  for (const path of ['/api/tags', '/api/ps']) fake.always(path, { body: '{"models":null}' })
  expect((await target.probe(5_000)).kind).toBe('answered')
})

test('tags of 5 MiB are read', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.always('/api/tags', { body: `{"models":[{"name":"${'x'.repeat(5 * 1024 ** 2)}"}]}` })
  expect((await target.probe(5_000)).kind).toBe('answered')
})

test('a sleeping target fails a probe, a ping and a liveness check at their deadlines', async () => {
  const clock = new TestClock()
  const { fake, target } = await fakeAndTarget({}, { clock })
  expect((await target.ping(1_000)).kind).toBe('answered')
  fake.sleep()
  const asked = [target.probe(5_000), target.alive(5_000), target.ping(5_000)] as const
  await clock.armed(5)
  clock.advance(5_000)
  const [probed, alive, pinged] = await Promise.all(asked)
  expect(probed).toMatchObject({ kind: 'unreachable', reason: expect.stringContaining('no answer within 5 s') })
  expect(alive).toBe(false)
  expect(pinged).toMatchObject({ kind: 'unreachable' })
  expect(clock.timers).toBe(0)
  fake.wake()
  expect((await target.ping(1_000)).kind).toBe('answered')
})

test('a new connection distinguishes a silent run from a silent machine', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', stalls(1))
  const { sink, exchange } = sendJob(target)
  await sink.got(1)
  expect(await target.alive(5_000)).toBe(true)
  exchange.abort()
})

test('a target that is down is not alive, and is alive when it runs again', async () => {
  const { fake, target } = await fakeAndTarget()
  await fake.down()
  expect(await target.alive(5_000)).toBe(false)
  expect(await target.ping(5_000)).toMatchObject({ kind: 'unreachable' })
  expect(await target.probe(5_000)).toMatchObject({ kind: 'unreachable' })
  await fake.up()
  expect(await target.alive(5_000)).toBe(true)
  expect((await target.ping(5_000)).kind).toBe('answered')
})

test('a ping that was aborted can be followed by the next one at once', async () => {
  const clock = new TestClock()
  const { fake, target } = await fakeAndTarget({}, { clock })
  expect((await target.ping(1_000)).kind).toBe('answered')
  fake.on('/api/ps', stalls())
  const givenUp = target.ping(5_000)
  await fake.next('/api/ps')
  await fake.next('/api/ps')
  clock.advance(5_000)
  const next = givenUp.then(() => target.ping(5_000))
  expect([(await givenUp).kind, (await next).kind]).toEqual(['unreachable', 'answered'])
})

test('a ping to a server that is not Ollama says so', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.always('/api/ps', page(200, 'Login'))
  expect(await target.ping(5_000)).toMatchObject({
    kind: 'unreachable',
    reason: expect.stringContaining('not an Ollama'),
  })
})

test('the time of the last answer is kept, and an error page does not count', async () => {
  const clock = new TestClock()
  const { fake, target } = await fakeAndTarget({}, { clock })
  expect(target.answeredAt).toBeNull()
  clock.advance(10)
  await target.ping(1_000)
  expect(target.answeredAt).toBe(10)
  expect(clock.timers).toBe(0)
  clock.advance(10)
  fake.on('/api/chat', page(502))
  await sendJob(target).sink.ended
  expect(target.answeredAt).toBe(10)
  await sendJob(target).sink.ended
  expect(target.answeredAt).toBe(20)
})

test('connections can be renewed: idle ones close, and a running answer continues', async () => {
  const { fake, target } = await fakeAndTarget()
  const status = { method: 'GET', path: '/api/status', headers: {}, body: null }
  await sendDirect(target, status).sink.ended
  fake.hold('middle')
  const { sink, exchange } = sendJob(target)
  await sink.got(1)
  target.renewConnections()
  fake.release('middle')
  expect(await sink.ended).toEqual({ kind: 'end' })
  await exchange.settled
  while (fake.open > 0) await new Promise((resolve) => setImmediate(resolve))
  expect((await target.ping(5_000)).kind).toBe('answered')
  await sendDirect(target, status).sink.ended
  expect(fake.connections).toBe(4)
})

test('warming loads and pins the embedder', async () => {
  const { fake, target } = await fakeAndTarget()
  expect(await target.warm('tiny-embed')).toBe(true)
  const request = await fake.next('/api/embed')
  expect(request.json).toEqual({ model: 'tiny-embed', input: '', keep_alive: -1 })
  expect(JSON.parse(fake.memory.ps()).models[0]).toMatchObject({ name: 'tiny-embed:latest', expires_at: /^2319/ })
})

test('warming that fails returns the reason without throwing', async () => {
  const { fake, target } = await fakeAndTarget()
  expect(await target.warm('nope')).toBe(false)
  await fake.down()
  expect(await target.warm('tiny-embed')).toBe(false)
  expect(await targetAt('http://127.0.0.1:1').warm('tiny-embed')).toBe(false)
})

test('the reason why an embedder cannot be loaded is logged once', async () => {
  const reasons: string[] = []
  const write = (line: string): void => void reasons.push((JSON.parse(line) as { reason: string }).reason)
  const log = createLog({ logLevel: 'warn' }, { write })
  const { fake, target } = await fakeAndTarget({}, { log })
  const failing = (error: string) => fake.always('/api/embed', { status: 500, body: JSON.stringify({ error }) })
  failing('no memory')
  for (let tries = 0; tries < 3; tries++) expect(await target.warm('tiny-embed')).toBe(false)
  failing('gone')
  await target.warm('tiny-embed')
  fake.plain('/api/embed')
  expect(await target.warm('tiny-embed')).toBe(true)
  failing('gone')
  await target.warm('tiny-embed')
  expect(reasons).toEqual(['no memory', 'gone', 'gone'].map((error) => `HTTP 500: {"error":"${error}"}`))
})
