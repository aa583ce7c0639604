// Proxy that refuses every request and records it. It is the only proxy in the environment of a program under test.

import { createServer } from 'node:http'

export interface RefusingProxy {
  /** Environment that makes a program use the proxy for everything except loopback. */
  readonly env: Readonly<Record<string, string>>
  /** The requested targets: `host:port`, or a URL. */
  readonly asked: readonly string[]
  stop(): Promise<void>
}

export async function startRefusingProxy(): Promise<RefusingProxy> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(403, { Connection: 'close' }).end()
  })
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '')
    socket.on('error', () => socket.destroy())
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  const url = `http://127.0.0.1:${address.port}`
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']
  const both = [...names, ...names.map((name) => name.toLowerCase())].map((name) => [name, url])
  return {
    env: { ...Object.fromEntries(both), NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' },
    asked,
    stop() {
      server.closeAllConnections()
      return new Promise((closed) => server.close(() => closed()))
    },
  }
}
