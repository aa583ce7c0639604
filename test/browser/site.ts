// Web site of a test: an empty page under any name and port, and foreman-client as browsers get it. Another server can take over its
// address, as with a rebound host name.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createDoor, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { onTestFinished } from 'vitest'

const CLIENT = resolve(import.meta.dirname, '../../src/client/index.ts')

/** The client as one module, as `npm run build:client` makes it. */
export async function clientModule(): Promise<string> {
  const { outputFiles } = await build({
    ...{ entryPoints: [CLIENT], bundle: true, write: false, format: 'esm', target: 'es2023', platform: 'neutral' },
    external: ['node:http'],
  })
  return outputFiles[0]?.text ?? ''
}

export interface Site {
  readonly port: number
  /** Connections without a request so far. */
  readonly idle: number
  /** Lets the port `port` of this machine answer all further requests. */
  becomes(port: number): void
}

/** Starts it on a free port of every loopback address, and stops it after the test. */
export async function startSite(script = ''): Promise<Site> {
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    const isScript = req.url === '/foreman-client.js'
    // Kept connections would outlive the takeover of the address.
    const headers = { Connection: 'close', 'Content-Type': isScript ? 'text/javascript' : 'text/html' }
    res.writeHead(200, headers).end(isScript ? script : '<!doctype html><title>a page</title><p>a page')
  })
  const handOn = (socket: Socket, port: number): void => {
    const far = connect(port, '127.0.0.1')
    far.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    socket.on('close', () => far.destroy())
    socket.pipe(far).pipe(socket)
  }
  let next: number | null = null
  const open = new Set<Socket>()
  const idle = new Set<Socket>()
  const door = createDoor((socket) => {
    open.add(socket.on('close', () => open.delete(socket)).on('error', () => undefined))
    idle.add(socket.on('close', () => idle.delete(socket)))
    // Decided for each request, not for each connection: browsers open connections before they have a request.
    socket.once('data', (start) => {
      idle.delete(socket)
      socket.pause()
      socket.unshift(start)
      if (next === null) server.emit('connection', socket)
      else handOn(socket, next)
      socket.resume()
    })
  })
  await new Promise<void>((listening) => door.listen(0, '0.0.0.0', listening))
  onTestFinished(() => {
    door.close()
    for (const socket of open) socket.destroy()
  })
  return {
    port: (door.address() as AddressInfo).port,
    get idle() {
      return idle.size
    },
    becomes(port) {
      next = port
    },
  }
}
