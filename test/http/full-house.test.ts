// More connections than there are seats: nobody else is served, but whoever asks after foreman's health is told.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { get } from '../caller.ts'
import { startHalf } from './half.ts'

async function idle(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  // One answer, so that the server has surely seen the connection.
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  return socket
}

it('a full house serves its guests and answers after its health', async () => {
  const half = await startHalf(
    { url: 'http://127.0.0.1:1' },
    { config: { maxQueue: 1 }, limits: { embedWaiting: 0, headRoom: 2, forHealth: 2 } },
  )
  const sockets = [await idle(half.port), await idle(half.port), await idle(half.port)]
  const refused = await get(half.url, '/api/tags')
  expect([refused.status, refused.headers['x-foreman-error'], refused.headers.connection]).toEqual([
    503,
    'too_many_connections',
    'close',
  ])
  expect((await get(half.url, '/healthz')).status).toBe(200)
  sockets[0]?.destroy()
  await once(sockets[0] as Socket, 'close')
  // The server hears of it a moment later.
  let status = 503
  for (let tries = 0; status === 503 && tries < 100; tries++) status = (await get(half.url, '/api/tags')).status
  expect(status).toBe(200)
})
