// TCP connection that sends exactly a test's bytes and collects the answer, because HTTP clients cannot send invalid requests.

import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface RawSocket {
  readonly socket: Socket
  send(bytes: string | Uint8Array): void
  /** The bytes received so far. */
  readonly received: string
  /** Resolves when `pattern` has arrived. Rejects if the other side closes first. */
  until(pattern: RegExp): Promise<string>
  /** Resolves with all bytes when the other side has closed. */
  rest(): Promise<string>
}

export async function rawSocket(port: number): Promise<RawSocket> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const listeners = new Set<() => void>()
  let received = ''
  let closed = false
  const changed = (): void => {
    for (const listener of [...listeners]) listener()
  }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    received += text
    changed()
  })
  // A reset counts as a close; the bytes received before it are kept.
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
    changed()
  })
  await new Promise((resolve) => socket.once('connect', resolve))
  const wait = (isDone: () => boolean, what: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const done = isDone()
        if (!done && !closed) return
        listeners.delete(look)
        if (done) resolve(received)
        else reject(new Error(`closed before ${what}; received: ${JSON.stringify(received)}`))
      }
      listeners.add(look)
      look()
    })
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    get received() {
      return received
    },
    until: (pattern) => wait(() => pattern.test(received), String(pattern)),
    rest: () => wait(() => closed, 'the end'),
  }
}

/** Sends the bytes of one request, and returns all bytes until the server closes. */
export async function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  const line = await rawSocket(port)
  line.send(bytes)
  return line.rest()
}
