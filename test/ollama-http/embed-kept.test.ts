// Connections that are kept for the next embedding: which one it uses, and what happens on one that was closed, cut, out of
// step or kept for too long.

import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { stalls } from '../fake-ollama.ts'
import { until } from '../harness.ts'
import { TestClock } from '../test-clock.ts'
import { CollectingSink } from './collecting-sink.ts'
import { answer, embedding, PATH, rough, send } from './with-embeddings.ts'
import { fakeAndTarget } from './with-target.ts'

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
