// Every way to lose the target, and its classification, which decides whether a job is tried again.

import { errors } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { lossOf } from '../../src/daemon/ollama/loss.ts'
import { cut, fails, hangsUp, page, raw, type Script, unmarked } from '../fake-ollama.ts'
import { holdPort } from '../held-port.ts'
import { chat, fakeAndTarget, sendDirect, sendJob, targetAt } from './with-target.ts'

test('a refused connection was certainly not reached', async () => {
  const { port, release } = await holdPort()
  onTestFinished(release)
  const target = targetAt(`http://127.0.0.1:${port}`)
  const { sink, exchange } = sendJob(target)
  expect(await sink.loss()).toMatchObject({ kind: 'unreached', code: 'ECONNREFUSED' })
  await exchange.settled
  expect(sink.calls).toEqual(['lost'])
})

const coded = (code: string, message = ''): Error => Object.assign(new Error(message), { code })

test.each([
  ['ECONNREFUSED'],
  ['ENOTFOUND'],
  ['EAI_AGAIN'],
  ['EHOSTUNREACH'],
  ['EHOSTDOWN'],
  ['ENETUNREACH'],
  ['UND_ERR_CONNECT_TIMEOUT'],
  ['EMFILE'],
])('%s before the request started was not reached', (code) => {
  expect(lossOf(coded(code), 'queued').kind).toBe('unreached')
})

test.each([
  ['a reset before the answer', coded('ECONNRESET'), 'sent', 'lost'],
  ['a closed socket before the answer', coded('UND_ERR_SOCKET', 'other side closed'), 'sent', 'lost'],
  ['a route lost after the request was sent', coded('EHOSTUNREACH'), 'sent', 'lost'],
  ['a TCP connection found dead', coded('ETIMEDOUT'), 'sent', 'lost'],
  ['not HTTP', new errors.HTTPParserError('Invalid status code'), 'sent', 'protocol'],
  ['headers without end', coded('UND_ERR_HEADERS_OVERFLOW'), 'sent', 'protocol'],
  ['an unexpected 100', coded('UND_ERR_SOCKET', 'bad response'), 'sent', 'protocol'],
  ['an unexpected upgrade', coded('UND_ERR_SOCKET', 'bad upgrade'), 'sent', 'protocol'],
  ['a 1xx and then nothing', coded('UND_ERR_SOCKET', 'closed'), 'informed', 'protocol'],
  ['a broken chunk', new errors.HTTPParserError('Invalid chunk size'), 'answered', 'lost'],
  ['a body shorter than its length', coded('UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), 'answered', 'lost'],
  ['our own close', coded('UND_ERR_DESTROYED'), 'sent', 'aborted'],
  ['our own close before the start', coded('UND_ERR_CLOSED'), 'queued', 'aborted'],
  ['a header that HTTP does not allow', coded('UND_ERR_INVALID_ARG'), 'queued', 'protocol'],
] as const)('%s has its own error', (_what, error, progress, kind) => {
  expect(lossOf(error, progress).kind).toBe(kind)
})

test('an error without a message is reported by its code', () => {
  expect(lossOf(coded('ECONNREFUSED'), 'queued')).toEqual({
    kind: 'unreached',
    code: 'ECONNREFUSED',
    message: 'ECONNREFUSED',
  })
})

test.each<[string, Script]>([
  ['accepted and closed without a byte', hangsUp('fin')],
  ['accepted and reset without a byte', hangsUp('rst')],
  ['closed inside the head', raw('HTTP/1.1 200 OK\r\nContent-Ty')],
])('%s may have been received: lost', async (_what, script) => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', script)
  const { sink } = sendJob(target)
  expect((await sink.loss()).kind).toBe('lost')
  expect(sink.calls).toEqual(['lost'])
})

test.each<[string, Script]>([
  ['no HTTP at all', raw('SSH-2.0-OpenSSH_9.6\r\n')],
  ['a TLS alert', raw(Buffer.from([0x15, 3, 1, 0, 2, 2, 22]))],
  ['a header block of more than 16 KiB', raw(`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`)],
  ['two lengths', raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nhello')],
  [
    'a length beside chunks',
    raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  ],
  ['a 102 and then the end', raw('HTTP/1.1 102 Processing\r\n\r\n')],
  ['an upgrade', raw('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')],
  ['an empty 204', { status: 204, reason: 'No Content' }],
  ['an empty 205', { status: 205, reason: 'Reset Content' }],
  ['a redirect', { status: 307, headers: [['Location', 'http://127.0.0.1:1/']] }],
  ['a 304', { status: 304 }],
])('%s is not a valid answer to a job: protocol', async (_what, script) => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', script)
  const { sink, exchange } = sendJob(target)
  expect((await sink.loss()).kind).toBe('protocol')
  expect(sink.calls).toEqual(['lost'])
  await exchange.settled
})

test.each<[string, Script]>([
  ['a FIN between records', cut('fin', 2)],
  ['a reset between records', cut('rst', 2)],
  ['a FIN inside a record', cut('fin', 2, true)],
  ['a reset inside a record', cut('rst', 2, true)],
  ['a broken chunk', { ending: 'bad chunk', after: 2 }],
  ['a body shorter than its length', { ...cut('fin', 2), framing: 'length' }],
  ['a reset inside a declared length', { ...cut('rst', 2), framing: 'length' }],
  ['the same on a connection that was to close', { ...cut('fin', 2), framing: 'length', closes: true }],
  ['a chunked body cut on a connection that was to close', { ...cut('fin', 2), closes: true }],
])('%s is a lost connection after the bytes that arrived', async (_what, script) => {
  const { fake, target } = await fakeAndTarget()
  fake.hold('cut').on('/api/chat', script)
  const { sink } = sendJob(target)
  // A reset discards bytes that were not read yet.
  const request = await fake.next('/api/chat')
  await fake.waiting('cut')
  await sink.got(1)
  while (sink.text.split('\n').length < 3) await new Promise((resolve) => setImmediate(resolve))
  fake.release('cut')
  expect((await sink.loss()).kind).toBe('lost')
  expect(sink.calls).toEqual(['head', 'data', 'lost'])
  expect(sink.text).toContain('"content":" world"')
  expect(request.isOver).toBe(true)
})

test.each<[string, Script]>([
  ['without its last record', unmarked()],
  ['closed by its connection, as it said', { framing: 'close' }],
  ['in pieces of one byte', { slice: 1 }],
  ['on a connection that closes', { closes: true }],
  ['of HTTP 500', fails(500, 'model runner has unexpectedly stopped')],
  ['of a proxy', page(502)],
])('an answer %s ends as its framing says', async (_what, script) => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/chat', script)
  const { sink, exchange } = sendJob(target)
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect(sink.calls).toEqual(['head', 'data', 'end'])
  await exchange.settled
})

test('a 1xx response before the answer is skipped', async () => {
  const { fake, target } = await fakeAndTarget()
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
  fake.on('/api/chat', raw(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${answer}`))
  const { sink } = sendJob(target)
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect([sink.status, sink.text]).toEqual([200, '{}'])
})

test.each<[string, Script, number]>([
  ['a 204', { status: 204, reason: 'No Content' }, 204],
  ['a redirect', { status: 301, headers: [['Location', '/elsewhere']] }, 301],
])('a passed-through request gets %s unchanged', async (_what, script, status) => {
  const { fake, target } = await fakeAndTarget()
  fake.on('/api/status', script)
  const { sink } = sendDirect(target, { method: 'GET', path: '/api/status', headers: {}, body: null })
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect(sink.status).toBe(status)
})

test('a header that HTTP does not allow is not reported as a connection error', async () => {
  const { fake, target } = await fakeAndTarget()
  const { sink } = sendJob(target, { ...chat(), headers: { 'content-type': 'a\r\nb: c' } })
  expect(await sink.loss()).toMatchObject({ kind: 'protocol', code: 'UND_ERR_INVALID_ARG' })
  expect(fake.log).toEqual([])
})

test('after every loss the next job uses a new connection', async () => {
  const { fake, target } = await fakeAndTarget()
  const broken = [hangsUp('fin'), hangsUp('rst'), raw('no http\r\n\r\n'), { status: 307 }, cut('fin', 1)]
  fake.on('/api/chat', ...broken)
  for (const _ of broken) {
    const { sink, exchange } = sendJob(target)
    await sink.loss()
    await exchange.settled
  }
  const { sink } = sendJob(target)
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect(fake.connections).toBe(broken.length + 1)
})
