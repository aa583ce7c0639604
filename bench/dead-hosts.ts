// Dead webhook receivers of two kinds, on loopback only: ports that refuse connections, and ports that accept a
// connection and never answer.

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface DeadHosts {
  /** `host:port`. */
  readonly refusing: readonly string[]
  readonly silent: readonly string[]
  stop(): void
}

/** Below the range for outgoing connections: a port in that range would sometimes connect to itself. */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000

export async function startDeadHosts(refusing: number, silent: number): Promise<DeadHosts> {
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const names: string[] = []
  for (let made = 0; made < silent; made++) {
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {}).once('close', () => sockets.delete(socket))
      socket.resume()
    }).listen(0, '127.0.0.1', 1024)
    await once(server, 'listening')
    const address = server.address()
    if (address !== null && typeof address !== 'string') names.push(`127.0.0.1:${address.port}`)
    servers.push(server)
  }
  return {
    refusing: await refusingPorts(refusing),
    silent: names,
    stop() {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function refusingPorts(count: number): Promise<string[]> {
  const found: string[] = []
  for (let port = FIRST_PORT; port < LAST_PORT && found.length < count; port++) {
    if (await refuses(port)) found.push(`127.0.0.1:${port}`)
  }
  return found
}

function refuses(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(false))
    socket.once('error', () => resolve(true))
  }).then((refused) => {
    socket.destroy()
    return refused === true
  })
}
