// Ports for programs that cannot start on port 0, or must return on the same one.

import { createServer } from 'node:net'

const MAX_STARTS = 5

/** How programs say that another one has the port: Node, Go, C, and foreman. */
const IS_TAKEN = /EADDRINUSE|address (is )?already in use|is taken by another program/i

/**
 * Starts a program on a port that was free a moment ago. If `start` rejects with an error that says that the port is
 * taken, it is called again with another port.
 */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let starts = 1; ; starts++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (starts === MAX_STARTS || !IS_TAKEN.test(String(error))) throw error
    }
  }
}

/** Below the ports that outgoing connections are given, or one of those would take it before the program does. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
  throw new Error('no free port between 20000 and 32000')
}
