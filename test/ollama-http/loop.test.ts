// A target's address that leads back to foreman itself, through a relay that knows no HTTP.

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { call, get, read } from '../caller.ts'
import { startForeman, until } from '../harness.ts'

/** Forwards connections to a port that is set later. */
async function startRelay() {
  const destination = Promise.withResolvers<number>()
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer(async (from) => {
    connections += 1
    const to = connect(await destination.promise, '127.0.0.1')
    for (const socket of [from, to]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => void (socket === from ? to : from).destroy())
    }
    from.pipe(to).pipe(from)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo: destination.resolve,
    get connections() {
      return connections
    },
  }
}

it('foreman in front of itself reports a loop and makes no chain of connections', async () => {
  const relay = await startRelay()
  const { url, logged } = await startForeman(relay)
  relay.leadTo(Number(new URL(url).port))
  await until('the loop is known', async () => (await read<{ degraded: boolean }>(url, '/healthz')).degraded)
  expect(JSON.parse((await get(url, '/healthz')).body)).toEqual({
    ...{ status: 'ok', degraded: true },
    reason: 'FOREMAN_OLLAMA_URL leads back to this foreman',
  })
  const before = relay.connections
  for (const path of ['/api/show', '/api/embed', '/v1/embeddings'])
    expect((await call(url, { path, body: { model: 'tiny-a' } })).status).toBe(502)
  // Each may cause one probe, which is three requests.
  expect(relay.connections - before).toBeLessThan(12)
  expect(logged.filter(({ msg }) => String(msg).startsWith('a request of foreman came back'))).toHaveLength(1)
})
