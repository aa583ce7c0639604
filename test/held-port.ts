// Ports that a test keeps while nothing listens on them. A port that was only closed may be given to another program, which would then get
// requests that are not meant for it, or keep the test from listening again.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { platform } from 'node:process'
import { freePort } from './free-port.ts'

export interface HeldPort {
  readonly port: number
  /** From now on the system may give the port to other programs. */
  release(): Promise<void>
}

/**
 * Holds a port. Connections to it are refused, until a server of the test listens there, and again after that has closed.
 * An outgoing connection has the port. Linux gives such a port only to those who ask for it by number, and lets a server
 * listen beside the connection. Other systems do not: there the port is only free.
 */
export async function holdPort(): Promise<HeldPort> {
  if (platform !== 'linux') return { port: await freePort(), release: async () => {} }
  const anchor = createServer((socket) => void socket.unref().on('error', () => {}))
  await once(anchor.listen(0, '127.0.0.1'), 'listening')
  const { port, address: localAddress } = anchor.address() as AddressInfo
  const connection = connect({ port, host: localAddress, localAddress })
  await once(connection, 'connect')
  connection.unref().on('error', () => {})
  anchor.unref()
  return {
    port: connection.localPort ?? 0,
    async release() {
      // A reset leaves nothing behind that would still have the port.
      connection.resetAndDestroy()
      await new Promise((closed) => anchor.close(closed))
    },
  }
}

/** Listens on a held port. Rejects if another program listens there. */
export async function listenOn(server: Server, port: number): Promise<void> {
  // Rejected by the server's 'error'.
  await once(server.listen(port, '127.0.0.1'), 'listening')
}
