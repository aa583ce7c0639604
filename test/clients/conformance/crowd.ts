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
    if (hears) await once(socket, 'data')
    socket.resume()
  }
  try {
    // Not all in the same instant: what waits to be accepted is bounded too.
    while (sockets.length < many)
      await Promise.all(Array.from({ length: Math.min(64, many - sockets.length) }, () => come()))
  } catch (error) {
    leave()
    throw error
  }
  return { leave }
}
