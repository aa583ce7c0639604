// Many plain connections to foreman at once, for errors that need many clients. Each sends one request and stays open until
// `disconnect()`.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface ClientGroup {
  disconnect(): void
}

/** `request`: the bytes that each connection sends. `hears`: waits until each has received something. */
export async function connectClients(url: string, many: number, request: string, hears: boolean): Promise<ClientGroup> {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  const leave = () => {
    for (const socket of sockets) socket.destroy()
  }
  const come = async (): Promise<void> => {
    const socket = connect(Number(port), hostname)
    sockets.push(socket)
    await once(socket, 'connect')
    socket.on('error', () => undefined).write(request)
    const closed = once(socket, 'close').then(() => Promise.reject(new Error('foreman closed one of the connections')))
    if (hears) await Promise.race([once(socket, 'data'), closed])
    closed.catch(() => undefined)
    socket.resume()
  }
  try {
    // Not all at once, because the backlog is limited too. The last ones connect one by one, because near its limit foreman closes
    // connections that have not sent a request yet.
    while (sockets.length < many) {
      const atOnce = Math.min(64, Math.max(1, many - 64 - sockets.length))
      await Promise.all(Array.from({ length: atOnce }, () => come()))
    }
  } catch (error) {
    leave()
    throw error
  }
  return { disconnect: leave }
}
