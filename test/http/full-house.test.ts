// More connections than the limit: silent ones are closed, busy ones stay, and /healthz always answers.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { get } from '../caller.ts'
import { until } from '../harness.ts'
import { startHttpHarness } from './http-harness.ts'

const NOWHERE = { url: 'http://127.0.0.1:1' }
/** A limit of three connections, plus two for health. */
const SMALL = { config: { maxQueue: 1, embedQueue: 0 }, limits: { headRoom: 2, forHealth: 2 } }

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** A connection with an upload under way: the server has sent 100 Continue. */
async function busy(port: number): Promise<Socket> {
  const socket = await open(port)
  socket.write('POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n')
  await once(socket, 'data')
  return socket
}

describe('a server with more connections than it allows', () => {
  it('refuses new connections while all are busy, and answers afterwards', async () => {
    const harness = await startHttpHarness(NOWHERE, SMALL)
    const sockets = [await busy(harness.port), await busy(harness.port), await busy(harness.port)]
    const refused = await get(harness.url, '/api/tags')
    expect([refused.status, refused.headers['x-foreman-error'], refused.headers.connection]).toEqual([
      503,
      'too_many_connections',
      'close',
    ])
    expect((await get(harness.url, '/healthz')).status).toBe(200)
    expect((await get(harness.url, '/readyz')).status).toBe(200)
    sockets[0]?.destroy()
    await until('a seat is free', async () => (await get(harness.url, '/api/tags')).status === 200)
  })

  it('closes the oldest idle connection for each new one, and answers all requests', async () => {
    const harness = await startHttpHarness(NOWHERE, SMALL)
    const working = await busy(harness.port)
    let closed = 0
    for (let i = 0; i < 40; i++) (await open(harness.port)).on('close', () => (closed += 1))
    for (const path of ['/healthz', '/readyz', '/api/tags']) expect((await get(harness.url, path)).status).toBe(200)
    await until('the silent ones are closed', () => closed >= 38)
    expect(working.destroyed).toBe(false)
  })

  it('has no limit for one peer, because a reverse proxy may use every connection', async () => {
    const harness = await startHttpHarness(NOWHERE, { ...SMALL, limits: { headRoom: 50, forHealth: 2 } })
    const sockets = await Promise.all(Array.from({ length: 50 }, () => busy(harness.port)))
    expect((await get(harness.url, '/api/tags')).status).toBe(200)
    expect(sockets.every((socket) => !socket.destroyed)).toBe(true)
  })
})
