// Keep-alive connection of the load generator. A request is bytes made once and written unchanged. This is not an HTTP
// client: node:http or undici would cost more CPU than the servers under test.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type AnswerListener, HttpReader } from './http-reader.ts'

export interface RequestParts {
  readonly method: string
  readonly path: string
  readonly port: number
  readonly body?: string | Buffer
}

/** The bytes of a request. */
export function requestBytes({ method, path, port, body = '' }: RequestParts): Buffer {
  const bytes = Buffer.from(body)
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    ...(bytes.length > 0 ? ['Content-Type: application/json', `Content-Length: ${bytes.length}`] : []),
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes])
}

export const post = (port: number, path: string, value: unknown): Buffer =>
  requestBytes({ method: 'POST', path, port, body: JSON.stringify(value) })

export class Caller {
  readonly socket: Socket
  readonly #reader = new HttpReader()
  /** Why the connection ended while an answer was due. */
  #broken: ((error: Error) => void) | null = null

  constructor(port: number) {
    const buffer = Buffer.allocUnsafe(64 * 1024)
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer,
        callback: (count) => {
          this.#reader.push(buffer.subarray(0, count))
          return true
        },
      },
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.#broken?.(new Error('the connection ended in the middle of an answer')))
  }

  static async open(port: number): Promise<Caller> {
    const caller = new Caller(port)
    await once(caller.socket, 'connect')
    return caller
  }

  /** Sends a request and passes its answer to `listener`; for callers that measure microseconds. */
  send(request: Buffer, listener: AnswerListener): void {
    this.#reader.listener = listener
    this.socket.write(request)
  }

  /** Sends a request; resolves with the status once the answer is whole. */
  async request(request: Buffer, body?: (bytes: Buffer) => void): Promise<number> {
    if (this.socket.destroyed) throw new Error('the connection was closed before the request was sent')
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#broken = reject
    this.send(request, body === undefined ? { end: resolve } : { body, end: resolve })
    try {
      return await promise
    } finally {
      this.#broken = null
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

/** One small answer, as text; for status pages and set-up, not for measuring. */
export async function ask(port: number, method: string, path: string, value?: unknown): Promise<string> {
  const caller = await Caller.open(port)
  const parts: Buffer[] = []
  const body = value === undefined ? {} : { body: JSON.stringify(value) }
  const status = await caller.request(requestBytes({ method, path, port, ...body }), (bytes) =>
    parts.push(Buffer.from(bytes)),
  )
  caller.close()
  const text = Buffer.concat(parts).toString('utf8')
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`)
  return text
}
