// Owns many plain connections to foreman at once, for the errors that only a crowd brings about. Each has asked one thing
// and keeps its line until the crowd is sent away.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Crowd {
  leave(): void
}

/** `request`: its bytes, the same from everybody. `hears`: waits until everybody has been answered something. */
export async function gather(url: string, many: number, request: string, hears: boolean): Promise<Crowd> {
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
    // Not all at once: the backlog is bounded too. The last ones come one by one, because near its limit foreman closes
    // connections that have not sent a request yet.
    while (sockets.length < many) {
      const atOnce = Math.min(64, Math.max(1, many - 64 - sockets.length))
      await Promise.all(Array.from({ length: atOnce }, () => come()))
    }
  } catch (error) {
    leave()
    throw error
  }
  return { leave }
}
