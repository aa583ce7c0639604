// Record of one request to the fake. Append-only; its order numbers come from one counter of the fake.

import { createHash } from 'node:crypto'
import { type Head, headerOf } from './request-reader.ts'

export interface RequestOrder {
  /** The head had come. */
  arrived: number
  /** The body had come. */
  received: number | null
  /** The first byte of the answer was written. */
  firstByte: number | null
  /** The answer's last byte was written, or the fake cut it. */
  ended: number | null
  /** The caller went away before that. */
  aborted: number | null
}

export class SeenRequest {
  readonly id: number
  /** Which connection it came over, and as which request on it (1 is the first). */
  readonly connection: number
  readonly turn: number
  readonly method: string
  readonly path: string
  readonly query: string
  readonly head: Head
  readonly order: RequestOrder
  /** Bytes of the answer that the kernel, or the stream before it, has taken. */
  written = 0
  /** The answer waits for its reader. */
  isBlocked = false
  /** A worker request: one that runs a worker model. */
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

  /** The body, as far as it has come. */
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

  /** The whole body has come. */
  get received(): Promise<void> {
    return this.#received.promise
  }

  /** The answer was written to its end (or cut by the fake): `ended`. The caller went away before: `aborted`. */
  get over(): Promise<'ended' | 'aborted'> {
    return this.#over.promise
  }

  get isOver(): boolean {
    return this.order.ended !== null || this.order.aborted !== null
  }

  get wasAborted(): boolean {
    return this.order.aborted !== null
  }

  /** Resolves when the answer has waited for its reader for many turns of the event loop on end: it is really stuck. */
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
