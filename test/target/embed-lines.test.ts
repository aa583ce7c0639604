// Embeddings on their own connections: the same to the target and to the asker as over undici's, on connections that are
// kept, closed, cut and out of step.

import { createServer, type Socket } from 'node:net'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import type { TargetOptions } from '../../src/daemon/target/send.ts'
import type { EmbedRequest, Target } from '../../src/daemon/target/target.ts'
import { fails, hangsUp, page, raw, type Script, stalls } from '../fake-ollama.ts'
import { until } from '../harness.ts'
import { TestClock } from '../test-clock.ts'
import { CollectingSink } from './collecting-sink.ts'
import { fakeAndTarget, type SentJob, sendDirect, targetAt } from './with-target.ts'

const PATH = '/api/embed'

const embedding = (input = 'x', headers: Record<string, string> = {}): EmbedRequest => ({
  ...{ method: 'POST', path: PATH, headers: { 'content-type': 'application/json', ...headers } },
  body: Buffer.from(JSON.stringify({ model: 'tiny-embed', input })),
})

function send(target: Target, request = embedding(), sink = new CollectingSink()): SentJob {
  return { sink, exchange: target.sendEmbedding(request, sink) }
}

/** A target of a few lines: `serve` gets each connection and its number. */
async function rough(
  serve: (socket: Socket, number: number) => void,
  options: Partial<TargetOptions> = {},
): Promise<{ target: Target; count: () => number }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serve(socket, sockets.push(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { target: targetAt(`http://127.0.0.1:${address.port}`, options), count: () => sockets.length }
}

const answer = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

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
  ['a 100 that nobody asked for', raw('HTTP/1.1 100 Continue\r\n\r\n')],
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

test('one after another use one connection, as many at once as there are have one each', async () => {
  const { fake, target } = await fakeAndTarget()
  for (let round = 0; round < 5; round++) expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  expect(fake.connections).toBe(1)
  fake.hold('head')
  const sent = [1, 2, 3].map(() => send(target))
  await fake.waiting('head', 3)
  fake.release('head')
  for (const { sink } of sent) expect(await sink.ended).toEqual({ kind: 'end' })
  expect(fake.connections).toBe(3)
})

test('one that is sent from inside the end of another goes over its connection', async () => {
  const { fake, target } = await fakeAndTarget()
  const last = new CollectingSink()
  const first = new CollectingSink()
  const { end } = CollectingSink.prototype
  first.end = () => {
    end.call(first)
    send(target, embedding('y'), last)
  }
  send(target, embedding(), first)
  expect(await last.ended).toEqual({ kind: 'end' })
  expect(fake.connections).toBe(1)
})

test('a kept connection that closes before a byte of the answer is no loss: it is sent once more, on a new one', async () => {
  const { target, count } = await rough((socket, number) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (number === 1 && requests === 2) socket.destroy()
      else socket.write(answer(`${number}`))
    })
  })
  expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  const { sink } = send(target)
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect([sink.text, sink.calls, count()]).toEqual(['2', ['head', 'data', 'end'], 2])
})

test('… and not a third time', async () => {
  const { target, count } = await rough((socket, number) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (number === 1 && requests === 1) socket.write(answer('x'))
      else socket.destroy()
    })
  })
  await send(target).sink.ended
  expect((await send(target).sink.loss()).kind).toBe('lost')
  expect(count()).toBe(2)
})

test('a kept connection that closes in the middle of an answer is a loss', async () => {
  const { target, count } = await rough((socket) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (requests === 1) socket.write(answer('x'))
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    })
  })
  await send(target).sink.ended
  const { sink } = send(target)
  expect((await sink.loss()).kind).toBe('lost')
  expect([sink.text, count()]).toEqual(['half', 1])
})

test('a connection that was closed while it was idle is not used', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on(PATH, { closes: true })
  await send(target).sink.ended
  await send(target).sink.ended
  expect([fake.connections, fake.requests(PATH).length]).toEqual([2, 2])
})

test('words behind an answer end their connection and spoil nobody’s answer', async () => {
  const { target, count } = await rough((socket, number) => {
    socket.on('data', () => socket.write(number === 1 ? answer('1') + answer('evil') : answer(`${number}`)))
  })
  const texts: string[] = []
  for (let round = 0; round < 3; round++) {
    const { sink } = send(target)
    expect(await sink.ended).toEqual({ kind: 'end' })
    texts.push(sink.text)
  }
  expect([texts, count()]).toEqual([['1', '2', '2'], 2])
})

test('words without a question end their connection, and the next request opens one', async () => {
  const closed = Promise.withResolvers<void>()
  const idle = Promise.withResolvers<Socket>()
  const { target, count } = await rough((socket, number) => {
    if (number === 1) socket.on('close', () => closed.resolve())
    socket.on('data', () => socket.write(answer(`${number}`), () => idle.resolve(socket)))
  })
  expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  const socket = await idle.promise
  socket.write(answer('evil'))
  await closed.promise
  const { sink } = send(target)
  expect([await sink.ended, sink.text, count()]).toEqual([{ kind: 'end' }, '2', 2])
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

test('an abort after the end does not touch the one that uses the connection now', async () => {
  const { fake, target } = await fakeAndTarget()
  const first = send(target)
  await first.sink.ended
  fake.hold('head')
  const second = send(target)
  await fake.waiting('head')
  first.exchange.abort()
  first.exchange.resume()
  fake.release('head')
  expect(await second.sink.ended).toEqual({ kind: 'end' })
  await first.exchange.settled
  expect(fake.connections).toBe(1)
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

test('what a reader keeps of an answer is not written over by the next', async () => {
  const { target } = await rough((socket) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      socket.write(answer(`${requests}`.repeat(5_000)))
    })
  })
  const sent = []
  for (let round = 0; round < 3; round++) {
    const { sink } = send(target)
    await sink.ended
    sent.push(sink)
  }
  expect(sent.map(({ text }) => text)).toEqual(['1'.repeat(5_000), '2'.repeat(5_000), '3'.repeat(5_000)])
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

test('a connection that has been idle for half a minute is not used again, and soon closed', async () => {
  const clock = new TestClock()
  const { fake, target } = await fakeAndTarget({}, { clock })
  await send(target).sink.ended
  clock.advance(29_999)
  await send(target).sink.ended
  expect(fake.connections).toBe(1)
  clock.advance(30_000)
  await send(target).sink.ended
  expect(fake.connections).toBe(2)
  clock.advance(60_000)
  await until('every connection is closed', () => fake.open === 0)
  expect(clock.timers).toBe(0)
})

test('a connection is not used for longer than the target says that it keeps it', async () => {
  const clock = new TestClock()
  const patient = 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\n{}'
  const { target, count } = await rough((socket) => void socket.on('data', () => socket.write(patient)), { clock })
  await send(target).sink.ended
  clock.advance(2_999)
  await send(target).sink.ended
  expect(count()).toBe(1)
  clock.advance(3_000)
  await send(target).sink.ended
  expect(count()).toBe(2)
})

test('connections are made anew on request: idle ones at once, busy ones when they have finished', async () => {
  const { fake, target } = await fakeAndTarget()
  await send(target).sink.ended
  target.renewConnections()
  await until('the idle connection is closed', () => fake.open === 0)
  fake.hold('head')
  const busy = send(target)
  await fake.waiting('head')
  target.renewConnections()
  fake.release('head')
  expect(await busy.sink.ended).toEqual({ kind: 'end' })
  await until('the busy connection is closed', () => fake.open === 0)
  expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  expect(fake.connections).toBe(3)
})

test('closing ends what is under way, what is idle, and what is asked afterwards', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.on(PATH, {}, stalls())
  await send(target).sink.ended
  const idle = send(target)
  await until('both are at the target', () => fake.requests(PATH).length === 2)
  await target.close()
  expect((await idle.sink.loss()).kind).toBe('aborted')
  await idle.exchange.settled
  const after = send(target)
  expect(after.sink.calls).toEqual([])
  expect((await after.sink.loss()).kind).toBe('aborted')
  await until('every connection is closed', () => fake.open === 0)
})

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
