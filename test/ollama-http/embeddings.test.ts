// Embeddings on kept connections: the number of connections, and connections that are closed, cut, or send unexpected bytes.

import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { stalls } from '../fake-ollama.ts'
import { until } from '../harness.ts'
import { answer, PATH, rough, send } from './with-embeddings.ts'
import { fakeAndTarget, jsonRequest, sendDirect } from './with-target.ts'

const ONE = { embedConcurrency: 1 }

test('up to FOREMAN_EMBED_CONCURRENCY connections are open at once, and they are reused', async () => {
  const { fake, target } = await fakeAndTarget({}, { embedConcurrency: 3 })
  fake.hold('head')
  const sent = [1, 2, 3, 4].map(() => send(target))
  await fake.waiting('head', 3)
  expect(fake.connections).toBe(3)
  fake.release('head')
  for (const { sink } of sent) expect(await sink.ended).toEqual({ kind: 'end' })
  for (let round = 0; round < 5; round++) expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  expect(fake.connections).toBe(3)
})

test('an embedding waits for no passed-through request', async () => {
  const { fake, target } = await fakeAndTarget({}, ONE)
  fake.hold('head')
  const pulls = Array.from({ length: 50 }, () => sendDirect(target, jsonRequest('/api/pull', { model: 'tiny-a' })))
  await fake.waiting('head', 40)
  send(target)
  await fake.waiting('head', 41)
  expect(fake.requests(PATH).length).toBe(1)
  for (const { exchange } of pulls) exchange.abort()
})

test('an embedding is retried once on a new connection if a kept one closes before its first byte', async () => {
  const { target, count } = await rough((socket, number) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (number === 1 && requests === 2) socket.destroy()
      else socket.write(answer(`${number}`))
    })
  }, ONE)
  expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  const { sink } = send(target)
  expect(await sink.ended).toEqual({ kind: 'end' })
  expect([sink.text, sink.calls, count()]).toEqual(['2', ['head', 'data', 'end'], 2])
})

test('an embedding is not sent a third time', async () => {
  const { target, count } = await rough((socket, number) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (number === 1 && requests === 1) socket.write(answer('x'))
      else socket.destroy()
    })
  }, ONE)
  await send(target).sink.ended
  expect((await send(target).sink.loss()).kind).toBe('lost')
  expect(count()).toBe(2)
})

test('a kept connection that closes during an answer is a loss', async () => {
  const { target, count } = await rough((socket) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (requests === 1) socket.write(answer('x'))
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    })
  }, ONE)
  await send(target).sink.ended
  const { sink } = send(target)
  expect((await sink.loss()).kind).toBe('lost')
  expect([sink.text, count()]).toEqual(['half', 1])
})

test('a connection that was closed while it was idle is not used', async () => {
  const { fake, target } = await fakeAndTarget({}, ONE)
  fake.on(PATH, { closes: true })
  await send(target).sink.ended
  await send(target).sink.ended
  expect([fake.connections, fake.requests(PATH).length]).toEqual([2, 2])
})

test('bytes after an answer end their connection and are not part of the next answer', async () => {
  const { target, count } = await rough((socket, number) => {
    socket.on('data', () => socket.write(number === 1 ? answer('1') + answer('evil') : answer(`${number}`)))
  }, ONE)
  const texts: string[] = []
  for (let round = 0; round < 3; round++) {
    const { sink } = send(target)
    expect(await sink.ended).toEqual({ kind: 'end' })
    texts.push(sink.text)
  }
  expect([texts, count()]).toEqual([['1', '2', '2'], 2])
})

test('bytes on an idle connection end it, and the next request opens a new one', async () => {
  const closed = Promise.withResolvers<void>()
  const idle = Promise.withResolvers<Socket>()
  const { target, count } = await rough((socket, number) => {
    if (number === 1) socket.on('close', () => closed.resolve())
    socket.on('data', () => socket.write(answer(`${number}`), () => idle.resolve(socket)))
  }, ONE)
  expect(await send(target).sink.ended).toEqual({ kind: 'end' })
  const socket = await idle.promise
  socket.write(answer('evil'))
  await closed.promise
  const { sink } = send(target)
  expect([await sink.ended, sink.text, count()]).toEqual([{ kind: 'end' }, '2', 2])
})

test('an abort after the end does not affect the next exchange on the connection', async () => {
  const { fake, target } = await fakeAndTarget({}, ONE)
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

test('the bytes of an answer stay unchanged when the next answer comes', async () => {
  const { target } = await rough((socket) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      socket.write(answer(`${requests}`.repeat(5_000)))
    })
  }, ONE)
  const sent = []
  for (let round = 0; round < 3; round++) {
    const { sink } = send(target)
    await sink.ended
    sent.push(sink)
  }
  expect(sent.map(({ text }) => text)).toEqual(['1'.repeat(5_000), '2'.repeat(5_000), '3'.repeat(5_000)])
})

test('renewing closes idle connections at once and busy ones when they are free', async () => {
  const { fake, target } = await fakeAndTarget({}, ONE)
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

test('closing aborts running embeddings, closes idle connections, and rejects later embeddings', async () => {
  const { fake, target } = await fakeAndTarget({}, ONE)
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

test('a fresh connection that closes without a byte is a loss at once', async () => {
  const { target, count } = await rough((socket) => void socket.on('data', () => socket.destroy()), ONE)
  expect((await send(target).sink.loss()).kind).toBe('lost')
  expect(count()).toBe(1)
})

test('a kept connection that closes inside the head of an answer is a loss', async () => {
  const { target, count } = await rough((socket) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (requests === 1) socket.write(answer('x'))
      else socket.end('HTTP/1.1 20')
    })
  }, ONE)
  await send(target).sink.ended
  expect((await send(target).sink.loss()).kind).toBe('lost')
  expect(count()).toBe(1)
})
