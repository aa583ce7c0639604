// Guard of connections whose bytes are not HTTP, arrive too slowly, or hold too many requests at once. It never writes into an
// answer that has begun, nor to a closed socket.

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../../runtime/clock.ts'
import { Bag } from '../bag.ts'
import { reasonPhrase } from '../error-body.ts'
import { type OwnError, ownError } from '../respond.ts'

/** How long a refused caller may go on sending before the connection is closed. */
const REFUSED_LINGER_MS = 1_000

export class SocketGuard {
  readonly #clock: Clock
  readonly #pipelined: number
  /** Every connection, with its requests that are not fully answered. */
  readonly #open = new Map<Socket, Bag<ServerResponse>>()
  readonly #refused = new WeakSet<Socket>()
  /** Connections that have sent a request. */
  readonly #served = new WeakSet<Socket>()
  #closing = false

  constructor(clock: Clock, pipelined: number) {
    this.#clock = clock
    this.#pipelined = pipelined
  }

  get connections(): number {
    return this.#open.size
  }

  connected(socket: Socket): void {
    if (this.#closing) return void socket.destroy()
    this.#open.set(socket, new Bag())
    socket.once('close', () => this.#open.delete(socket))
  }

  /**
   * Closes the oldest idle connection except `newest`: one that has never sent a request, otherwise one that is kept alive.
   * Silent connections then cannot keep others out.
   */
  closeIdle(newest: Socket): void {
    let kept: Socket | null = null
    for (const [socket, open] of this.#open) {
      if (open.size > 0 || socket === newest || socket.destroyed) continue
      if (!this.#served.has(socket)) return void socket.destroy()
      kept ??= socket
    }
    kept?.destroy()
  }

  /**
   * Closes each connection as soon as it is idle. Node's closeIdleConnections() does not close those that have never sent a
   * request.
   */
  close(): void {
    this.#closing = true
    for (const [socket, open] of this.#open) if (open.size === 0) socket.destroy()
  }

  /** Returns false if the connection was refused before, or has too many requests waiting and is closed for that. */
  enter(socket: Socket, res: ServerResponse): boolean {
    if (this.#refused.has(socket)) return false
    const open = this.#open.get(socket) ?? new Bag()
    open.add(res)
    this.#served.add(socket)
    res.on('close', () => {
      open.delete(res)
      if (this.#closing && open.size === 0) socket.destroySoon()
    })
    if (open.size <= this.#pipelined) return true
    this.#refused.add(socket)
    socket.destroy()
    return false
  }

  /** Refuses a connection whose bytes Node could not parse. */
  refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    if (this.#refused.has(socket)) return
    this.#refused.add(socket)
    if (!socket.writable || socket.destroyed) {
      socket.destroy()
      return
    }
    const timer = this.#clock.after(REFUSED_LINGER_MS, () => socket.destroy())
    socket.once('close', () => timer.cancel())
    const begun = [...(this.#open.get(socket) ?? [])].some((res) => res.headersSent)
    // What was written is sent, without an end: a refusal arrives whole, and the client sees that a stream was cut.
    if (begun) return void socket.destroySoon()
    const { status, message, code } = REFUSALS[error.code ?? ''] ?? MALFORMED
    const body = JSON.stringify({ error: message })
    const head = [
      `HTTP/1.1 ${status} ${reasonPhrase(status)}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'X-Content-Type-Options: nosniff',
      `X-Foreman-Error: ${code}`,
      'Connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
}

/** By Node's code. */
const REFUSALS: Readonly<Record<string, OwnError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ownError('request_timeout'),
  HPE_HEADER_OVERFLOW: ownError('headers_too_large'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: 'chunk extensions are too large', code: 'bad_request' },
}
const MALFORMED = ownError('bad_request', { detail: 'malformed HTTP request' })
