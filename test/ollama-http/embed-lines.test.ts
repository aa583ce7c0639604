// Embeddings on their own connections: the same to the target and to the asker as over undici's, and lost in the same ways.

import { pino } from 'pino'
import { expect, test } from 'vitest'
import { fails, hangsUp, page, raw, type Script, stalls } from '../fake-ollama.ts'
import { until } from '../harness.ts'
import { TestClock } from '../test-clock.ts'
import { CollectingSink } from './collecting-sink.ts'
import { answer, embedding, PATH, rough, send } from './with-embeddings.ts'
import { fakeAndTarget, sendDirect, targetAt } from './with-target.ts'

test('the target sees the same request as over undici', async () => {
  const { fake } = await fakeAndTarget()
  const target = targetAt(`${fake.url}/gpu/1/`, { token: 'secret' })
  const headers = { Cookie: 'a=b', host: 'evil.example', 'content-length': '1', accept: 'x\xe9y', te: 'trailers' }
  for (const size of [1, 20_000, 1_000_000]) {
    const request = embedding('é'.repeat(size), headers)
    await sendDirect(target, request).sink.ended
    await send(target, request).sink.ended
    const [first, second] = [await fake.next(), await fake.next()]
    expect(second.head).toEqual(first.head)
    expect(second.body.equals(first.body)).toBe(true)
    expect(second.body.equals(request.body)).toBe(true)
  }
})

test('the asker gets the same answer as over undici, in pieces of one byte as well', async () => {
  const { fake, target } = await fakeAndTarget()
  const scripts: Script[] = [{}, { slice: 1 }, { framing: 'close' }, { closes: true }, fails(500, 'no'), page(502)]
  for (const script of scripts) {
    fake.on(PATH, script, script)
    const [one, other] = [sendDirect(target, embedding()).sink, send(target).sink]
    expect([await one.ended, await other.ended]).toEqual([{ kind: 'end' }, { kind: 'end' }])
    // undici forgets a reason that comes in pieces.
    if (script.slice === undefined) expect(other.reason).toBe(one.reason)
    const told = ({ status, headers, text, calls }: CollectingSink) => {
      const kept = headers.filter(([name]) => name.toLowerCase() !== 'date')
      return { status, kept, text: text.replace(/"\w+_duration":\d+/g, ''), calls }
    }
    expect(told(other)).toEqual(told(one))
  }
})

test.each<[string, Script]>([
  ['accepted and closed without a byte', hangsUp('fin')],
  ['accepted and reset without a byte', hangsUp('rst')],
  ['closed inside the head', raw('HTTP/1.1 200 OK\r\nContent-Ty')],
  ['no HTTP at all', raw('SSH-2.0-OpenSSH_9.6\r\n')],
  ['a header block of more than 16 KiB', raw(`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`)],

  ['a 102 and then the end', raw('HTTP/1.1 102 Processing\r\n\r\n')],
  ['an upgrade', raw('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')],
  ['a body shorter than its length', raw('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')],
  ['a chunk that is cut', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf')],
  ['chunks without the last', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')],
  ['a broken chunk', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n')],
])('%s is lost as it is over undici, and sent once', async (_what, script) => {
  const { fake, target } = await fakeAndTarget()
  fake.on(PATH, script, script)
  const over = sendDirect(target, embedding()).sink
  const { kind } = await over.loss()
  const { sink, exchange } = send(target)
  expect((await sink.loss()).kind).toBe(kind)
  expect(sink.calls).toEqual(over.calls)
  expect(sink.text).toBe(over.text)
  await exchange.settled
  expect(fake.requests(PATH).length).toBe(2)
})

test('a refused connection was certainly not reached', async () => {
  const { fake, target } = await fakeAndTarget()
  await fake.stop()
  const { sink, exchange } = send(target)
  expect(await sink.loss()).toMatchObject({ kind: 'unreached', code: 'ECONNREFUSED' })
  await exchange.settled
})

test('a connection that does not come about was not reached, and is waited for so long', async () => {
  const clock = new TestClock()
  const { target } = await fakeAndTarget({}, { clock })
  const { sink } = send(target)
  clock.advance(4_999)
  expect(sink.calls).toEqual([])
  clock.advance(1)
  expect(await sink.loss()).toMatchObject({ kind: 'unreached', code: 'CONNECT_TIMEOUT' })
  expect(clock.timers).toBe(0)
})

test('a header that HTTP does not allow is not blamed on the way', async () => {
  const { fake, target } = await fakeAndTarget()
  const { sink } = send(target, embedding('x', { accept: 'a\r\nb: c' }))
  expect(sink.calls).toEqual([])
  expect((await sink.loss()).kind).toBe('protocol')
  expect(fake.log).toEqual([])
})

test('a target that ends its side and reads no more is a loss, although the request is not out', async () => {
  const { target } = await rough((socket) => void socket.pause().end())
  const { sink } = send(target, embedding('x'.repeat(50_000_000)))
  expect((await sink.loss()).kind).toBe('lost')
})

const MUCH = 100_000_000

/** Answers the first request with very much, as fast as it is taken; the others with a word. */
async function lavish() {
  const closed = Promise.withResolvers<void>()
  const rest = await rough((socket) => {
    socket.on('close', () => closed.resolve())
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (requests > 1) return void socket.write(answer('x'))
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${MUCH}\r\n\r\n`)
      let left = MUCH
      const more = (): void => {
        while (left > 0 && !socket.destroyed) {
          const piece = Buffer.alloc(Math.min(left, 100_000), 'x')
          left -= piece.length
          if (!socket.write(piece)) return void socket.once('drain', more)
        }
      }
      more()
    })
  })
  return { ...rest, closed: closed.promise }
}

test('an abort while the target is silent closes its socket', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on(PATH, stalls())
  const { sink, exchange } = send(target)
  const request = await fake.next(PATH)
  exchange.abort()
  exchange.abort()
  expect(await sink.loss()).toMatchObject({ kind: 'aborted' })
  await exchange.settled
  expect(await request.over).toBe('aborted')
})

test('an abort in the middle of an answer closes its socket, also when its reader waits', async () => {
  const { target, closed } = await lavish()
  const sink = new CollectingSink({ counts: true })
  sink.isFull = true
  const { exchange } = send(target, embedding(), sink)
  await sink.got(1)
  exchange.abort()
  expect(await sink.loss()).toMatchObject({ kind: 'aborted' })
  exchange.resume()
  await closed
  expect(sink.calls).toEqual(['head', 'data', 'lost'])
})

test('an abort from inside the answer is obeyed at once', async () => {
  const { target, closed } = await lavish()
  const sink = new CollectingSink()
  sink.data = () => {
    sink.calls.push('data')
    exchange.abort()
    return true
  }
  const { exchange } = send(target, embedding(), sink)
  await closed
  expect(sink.calls).toEqual(['head', 'data', 'lost'])
})

test('a reader who takes nothing stops the reading, and gets every byte when he goes on', async () => {
  const { target, count } = await lavish()
  const sink = new CollectingSink({ counts: true })
  sink.isFull = true
  const { exchange } = send(target, embedding(), sink)
  await sink.got(1)
  // Without a stop each turn would bring another read.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(sink.bytes).toBeLessThanOrEqual(64 * 1024)
  sink.isFull = false
  exchange.resume()
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect(sink.bytes).toBe(MUCH)
  const { sink: next } = send(target)
  expect([await next.ended, next.text, count()]).toEqual([{ kind: 'end' }, 'x', 1])
})

test('a reader who says no to the last bytes leaves a connection that works', async () => {
  const { fake, target } = await fakeAndTarget()
  const sink = new CollectingSink()
  sink.isFull = true
  send(target, embedding(), sink)
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  expect(fake.connections).toBe(1)
})

test('a reader who takes heart before he has said no is not waited for', async () => {
  const { target } = await lavish()
  const sink = new CollectingSink({ counts: true })
  const { data } = CollectingSink.prototype
  sink.data = (chunk) => {
    data.call(sink, chunk)
    exchange.resume()
    return false
  }
  const { exchange } = send(target, embedding(), sink)
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect(sink.bytes).toBe(MUCH)
})

test.each(['head', 'data', 'end'] as const)(
  'a reader that throws at its %s is logged, and the next one works',
  async (call) => {
    const logged: string[] = []
    const log = pino({ level: 'error' }, { write: (line: string) => void logged.push(line) })
    const { target } = await fakeAndTarget({}, { log })
    const sink = new CollectingSink()
    sink[call] = () => {
      throw new Error('a bug')
    }
    const { exchange } = send(target, embedding(), sink)
    await exchange.settled
    if (call !== 'end') expect(await sink.loss()).toMatchObject({ kind: 'aborted', code: 'SINK_BROKEN' })
    await until('the bug is in the log', () => logged.length > 0)
    expect(logged.join()).toContain('a bug')
    expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  },
)

test('an answer, and not an error page, says that the target is there', async () => {
  const clock = new TestClock()
  const { fake, target } = await fakeAndTarget({}, { clock })
  fake.on(PATH, page(502))
  clock.advance(10)
  await send(target).sink.ended
  expect(target.answeredAt).toBe(null)
  clock.advance(10)
  await send(target).sink.ended
  expect(target.answeredAt).toBe(20)
})
