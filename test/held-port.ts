// Ports on which no program listens for a while. A port that was only closed may be given to another test, which would then get requests
// that are not meant for it.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'

export interface HeldPort {
  readonly port: number
  /** From now on somebody may listen there. */
  release(): Promise<void>
}

/** Who connects to it is refused, and nobody else is given it. `port`: this one, closed just now; without, any. */
export async function holdPort(port?: number, host = '127.0.0.1'): Promise<HeldPort> {
  const anchor = createServer((socket) => void socket.on('error', () => {}))
  await once(anchor.listen(0, host), 'listening')
  // A port from which a connection goes out is taken (of 15,500 others, given at once, none was it), and has no listener.
  const from = { localAddress: host, ...(port === undefined ? {} : { localPort: port }) }
  const line = connect({ port: (anchor.address() as AddressInfo).port, host, ...from })
  await once(line, 'connect')
  const taken = line.localPort ?? 0
  line.on('error', () => {})
  return {
    port: taken,
    async release() {
      // By a reset, which leaves nothing behind that would still have the port.
      line.resetAndDestroy()
      await new Promise((closed) => anchor.close(closed))
    },
  }
}

/** Rejects if somebody else has the port. */
export async function listenOn(server: Server, port: number, host: string): Promise<void> {
  // Rejected by the server's 'error'.
  await once(server.listen(port, host), 'listening')
}

/**
 * Listens on a port of 10000 to 19999, which no system gives away by itself and no other helper of the tests picks: a server
 * that closes and listens again finds its port free. One given by port 0 was taken by another program in between.
 */
export async function listenQuietly(server: Server, host: string): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 10_000 + Math.floor(Math.random() * 10_000)
    try {
      await listenOn(server, port, host)
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
  throw new Error('no free port among a hundred')
}
