// Record of one request to the fake. Append-only; its order numbers come from one counter of the fake.

import { createHash } from 'node:crypto'
import { type Head, headerOf } from './request-reader.ts'

export interface RequestOrder {
  /** When the head had arrived. */
  arrived: number
  /** When the body had arrived. */
  received: number | null
  /** When the first byte of the answer was written. */
  firstByte: number | null
  /** When the last byte of the answer was written, or the fake cut it. */
  ended: number | null
  /** When the caller went away before the end. */
  aborted: number | null
}

export class SeenRequest {
  readonly id: number
  /** Number of its connection, and its number on that connection (from 1). */
  readonly connection: number
  readonly turn: number
  readonly method: string
  readonly path: string
  readonly query: string
  readonly head: Head
  readonly order: RequestOrder
  /** Bytes of the answer that the stream or the kernel has accepted. */
  written = 0
  /** Whether the answer waits for its reader. */
  isBlocked = false
  /** Whether it is a worker request: one that runs a worker model. */
  isWorker = false
  readonly #count: () => number
  readonly #chunks: Buffer[] = []
  readonly #received = Promise.withResolvers<void>()
  readonly #over = Promise.withResolvers<'ended' | 'aborted'>()

  constructor(id: number, connection: number, turn: number, head: Head, count: () => number) {
    this.id = id
    this.connection = connection
    this.turn = turn
    this.head = head
    this.method = head.method
    const [path = '', query = ''] = head.target.split('?', 2)
    this.path = path
    this.query = query
    this.#count = count
    this.order = { arrived: count(), received: null, firstByte: null, ended: null, aborted: null }
  }

  /** The part of the body that has arrived. */
  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get sha256(): string {
    return createHash('sha256').update(this.body).digest('hex')
  }

  get json(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.body.toString('utf8')) as Readonly<Record<string, unknown>>
  }

  header(name: string): string | undefined {
    return headerOf(this.head, name.toLowerCase())
  }

  /** Resolves when the whole body has arrived. */
  get received(): Promise<void> {
    return this.#received.promise
  }

  /** Resolves with `ended` if the answer was written to its end or cut by the fake, `aborted` if the caller went away before. */
  get over(): Promise<'ended' | 'aborted'> {
    return this.#over.promise
  }

  get isOver(): boolean {
    return this.order.ended !== null || this.order.aborted !== null
  }

  get wasAborted(): boolean {
    return this.order.aborted !== null
  }

  /** Resolves when the answer has waited for its reader for many turns of the event loop in a row, so that it is stuck. */
  async stuck(): Promise<void> {
    let blockedTurns = 0
    let written = -1
    while (blockedTurns < 200) {
      await new Promise<void>((resolve) => setImmediate(resolve))
      blockedTurns = this.isBlocked && this.written === written ? blockedTurns + 1 : 0
      written = this.written
      if (this.isOver) throw new Error('the answer was over before it could get stuck')
    }
  }

  addBody(bytes: Buffer): void {
    this.#chunks.push(bytes)
  }

  markReceived(): void {
    this.order.received = this.#count()
    this.#received.resolve()
  }

  markWritten(bytes: number): void {
    this.order.firstByte ??= this.#count()
    this.written += bytes
  }

  markOver(how: 'ended' | 'aborted'): void {
    if (this.isOver) return
    this.order[how] = this.#count()
    this.#over.resolve(how)
  }
}
