// Writer of the fake's answers: head, framing, records, gates, and every scripted failure.

import { type Answer, errorDocument, errorRecord } from './answers.ts'
import { type Connection, Gone } from './connection.ts'
import type { Gates } from './gates.ts'
import type { Script } from './script.ts'
import type { SeenRequest } from './seen-request.ts'

export interface Reply extends Answer {
  readonly status: number
  readonly reason: string
  /** One document: its length is declared. */
  readonly isDocument: boolean
}

const DATE = 'Tue, 06 Jan 2026 12:00:00 GMT'
const BATCH = 64 * 1024

export class AnswerWriter {
  readonly #request: SeenRequest
  readonly #connection: Connection
  readonly #gates: Gates
  readonly #script: Script

  constructor(request: SeenRequest, connection: Connection, gates: Gates, script: Script) {
    this.#request = request
    this.#connection = connection
    this.#gates = gates
    this.#script = script
  }

  async write(reply: Reply): Promise<void> {
    const { ending, headless, status } = this.#script
    if (headless === true) return this.#fail(ending)
    await this.#pass('head')
    const records = this.#records(reply)
    const whole = records.join('')
    const framing = this.#script.framing ?? (reply.isDocument ? 'length' : 'chunked')
    await this.#bytes(this.#head(reply, framing, Buffer.byteLength(whole)))
    if (this.#request.method === 'HEAD') return this.#finish(framing)
    const frame = framing === 'chunked' ? chunk : (record: string) => record
    // An HTTP error has no records, so nothing fails between them.
    const isCut = ending !== undefined && ending !== 'whole' && status === undefined
    const last = isCut ? Math.min(this.#script.after ?? records.length - 1, records.length) : records.length
    await this.#body(records, last, frame)
    if (!isCut) {
      if (framing === 'chunked') await this.#bytes('0\r\n\r\n')
      return this.#finish(framing)
    }
    if (typeof ending === 'object' || ending === 'unmarked') {
      if (reply.isDocument) await this.#bytes(whole)
      else if (typeof ending === 'object') await this.#bytes(frame(errorRecord(reply.contentType, ending.error)))
      if (framing === 'chunked') await this.#bytes('0\r\n\r\n')
      return this.#finish(framing)
    }
    if (this.#script.midRecord === true) {
      const next = frame(records[last] ?? '')
      await this.#bytes(Buffer.from(next).subarray(0, next.length / 2))
    }
    if (ending === 'bad chunk') await this.#bytes('zz\r\n')
    await this.#fail(ending)
  }

  /** Sends exactly these bytes, then closes the connection. */
  async writeRaw(bytes: Buffer | string): Promise<void> {
    await this.#pass('head')
    await this.#bytes(bytes)
    await this.#fail(this.#script.ending ?? 'fin')
  }

  #records(reply: Reply): readonly string[] {
    const { ending, status } = this.#script
    if (!reply.isDocument || status !== undefined) return reply.records
    // A document cannot omit its last record: it says that it is not done, or that it failed.
    if (typeof ending === 'object') return [errorDocument(reply.contentType, ending.error)]
    if (ending === 'unmarked') {
      return reply.records.map((record) => record.replace(/"done":true,"done_reason":"[a-z]+"/, '"done":false'))
    }
    return reply.records
  }

  async #body(records: readonly string[], last: number, frame: (record: string) => string): Promise<void> {
    for (const [index, record] of records.entries()) {
      if (index === last) return
      if (index === 1) await this.#pass('middle')
      if (index === records.length - 1) {
        await this.#pad(frame(records[0] ?? ''), records.length)
        await this.#pass('end')
      }
      await this.#bytes(frame(record))
    }
  }

  /** Repeats the first record until the answer has the wanted length. */
  async #pad(framed: string, count: number): Promise<void> {
    const { bytes } = this.#script
    if (bytes === undefined || count < 2) return
    const batch = Buffer.from(framed.repeat(Math.max(1, Math.floor(BATCH / framed.length))))
    while (this.#request.written < bytes) await this.#bytes(batch)
  }

  #head({ status, reason, contentType }: Reply, framing: string, length: number): string {
    const headers = this.#script.headers ?? [['Content-Type', contentType]]
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
    lines.push(`Date: ${DATE}\r\n`)
    if (framing === 'chunked') lines.push('Transfer-Encoding: chunked\r\n')
    if (framing === 'length') lines.push(`Content-Length: ${length}\r\n`)
    if (framing === 'close' || this.#script.closes === true) lines.push('Connection: close\r\n')
    return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`
  }

  async #finish(framing: string): Promise<void> {
    if (framing === 'close' || this.#script.closes === true) await this.#connection.cut(this.#request, 'fin')
  }

  async #fail(ending: Script['ending']): Promise<void> {
    if (ending === 'fin' || ending === 'rst' || ending === 'bad chunk') {
      await this.#pass('cut')
      await this.#connection.cut(this.#request, ending === 'rst' ? 'rst' : 'fin')
      return
    }
    // A stall lasts until the caller hangs up or the fake stops.
    await this.#request.over
  }

  #bytes(bytes: Buffer | string): Promise<void> {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    return this.#connection.write(this.#request, buffer, this.#script.slice)
  }

  async #pass(gate: string): Promise<void> {
    await this.#gates.pass(gate)
    if (this.#request.isOver) throw new Gone()
  }
}

const chunk = (record: string): string => `${Buffer.byteLength(record).toString(16)}\r\n${record}\r\n`
