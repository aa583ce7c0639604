// One connection to the fake: it reads requests one after the other and writes bytes as slowly as reader and script want.

import type { Socket } from 'node:net'
import { type Head, RequestReader } from './request-reader.ts'
import { SeenRequest } from './seen-request.ts'

/** Thrown while an answer is written if its caller has gone. */
export class Gone extends Error {}

export interface ConnectionHost {
  /** Resolves at once, unless the fake is asleep. */
  awake(): Promise<void>
  /** The next order number. */
  count(): number
  nextId(): number
  /** Called with each request when its head has arrived. */
  arrived(request: SeenRequest, connection: Connection): Promise<void>
}

export class Connection {
  readonly id: number
  readonly socket: Socket
  readonly #host: ConnectionHost
  #turn = 0
  #reading: SeenRequest | null = null
  #serving: SeenRequest | null = null
  /** Requests on one connection are answered in their order. */
  #answers: Promise<void> = Promise.resolve()

  constructor(id: number, socket: Socket, host: ConnectionHost) {
    this.id = id
    this.socket = socket
    this.#host = host
    socket.setNoDelay(true)
    const reader = new RequestReader({
      head: (head) => this.#onHead(head),
      body: (bytes) => this.#reading?.addBody(bytes),
      end: () => this.#reading?.markReceived(),
    })
    socket.on('data', (bytes: Buffer) => reader.push(bytes))
    // A reset is seen at `close`.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#serving?.markOver('aborted')
      this.#reading?.markOver('aborted')
    })
  }

  #onHead(head: Head): void {
    this.#turn++
    const request = new SeenRequest(this.#host.nextId(), this.id, this.#turn, head, () => this.#host.count())
    this.#reading = request
    this.#answers = this.#answers.then(() => this.#serve(request))
  }

  async #serve(request: SeenRequest): Promise<void> {
    this.#serving = request
    try {
      await this.#host.arrived(request, this)
    } catch (error) {
      if (!(error instanceof Gone)) throw error
    }
    if (!this.socket.destroyed) request.markOver('ended')
    this.#serving = null
  }

  /** Writes, and waits while the reader is slow. Throws `Gone` if the reader has gone. */
  async write(request: SeenRequest, bytes: Buffer, slice?: number): Promise<void> {
    const step = slice ?? bytes.length
    for (let from = 0; from < bytes.length; from += step) {
      await this.#host.awake()
      if (this.socket.destroyed) throw new Gone()
      const piece = bytes.subarray(from, from + step)
      const goOn = this.socket.write(piece)
      request.markWritten(piece.length)
      if (!goOn) await this.#drained(request)
      // One piece for each turn of the event loop, so that pieces may arrive separately.
      if (slice !== undefined) await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  async #drained(request: SeenRequest): Promise<void> {
    request.isBlocked = true
    await new Promise<void>((resolve) => {
      const done = () => {
        this.socket.off('drain', done).off('close', done)
        resolve()
      }
      this.socket.on('drain', done).on('close', done)
    })
    request.isBlocked = false
  }

  /** Closes the connection from the fake's side, which also ends the answer. */
  async cut(request: SeenRequest, how: 'fin' | 'rst'): Promise<void> {
    await this.#host.awake()
    request.markOver('ended')
    if (how === 'rst') this.socket.resetAndDestroy()
    // Written bytes are still sent; after that, nothing is read or written.
    else this.socket.end(() => this.socket.destroy())
  }
}
