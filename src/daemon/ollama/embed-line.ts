// Owns one kept connection on which embeddings follow each other, and the exchange that is on it now. It knows no paths and
// no other line. An exchange that is over has no hold on the line any more: the next one may be on it by then.

import { connect, type Socket } from 'node:net'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { AnswerHead } from './answer-head.ts'
import { type AnswerParts, AnswerReader } from './answer-reader.ts'
import { sayable } from './exchange.ts'
import { Ended, type ExchangeProgress, lossOf } from './loss.ts'
import type { AnswerSink, Exchange } from './target.ts'

const CONNECT_MS = 5_000
/** As undici does it, for a way that is dead without knowing. */
const PROBE_IDLE_MS = 60_000
/** Up to this a head and its body are one copy and one write. */
const JOINED = 64 * 1024

/**
 * Of all lines: a read is handed on before the next one begins, and whoever gets bytes gets a copy. Node would make 64 KiB
 * for each read of each socket.
 */
const READ = Buffer.allocUnsafeSlow(64 * 1024)

/** Who holds the lines. */
export interface Lines {
  readonly clock: Clock
  /** Bytes came, and not those of an error page. */
  heard(): void
  /** A sink threw: a bug. */
  broken(error: unknown): void
  /** It may be used again, for that long. */
  free(line: EmbedLine, idleMs: number): void
  /** It is no more. */
  gone(line: EmbedLine): void
  /** The connection had served before, and closed before a byte of this answer came. */
  again(exchange: EmbedExchange): void
}

export class EmbedExchange implements Exchange {
  readonly head: string
  readonly body: Uint8Array
  readonly sink: AnswerSink
  line: EmbedLine | null = null
  #settling: PromiseWithResolvers<void> | null = null
  #over = false

  constructor(head: string, body: Uint8Array, sink: AnswerSink) {
    this.head = head
    this.body = body
    this.sink = sink
  }

  abort(): void {
    this.line?.lose(new Ended('aborted', 'ABORTED', 'aborted'))
  }

  resume(): void {
    this.line?.resume()
  }

  get settled(): Promise<void> {
    this.#settling ??= Promise.withResolvers<void>()
    if (this.#over) this.#settling.resolve()
    return this.#settling.promise
  }

  /** The line is another's from now on, or nobody's. */
  leave(): void {
    this.line = null
    this.#over = true
    this.#settling?.resolve()
  }
}

export class EmbedLine implements AnswerParts {
  readonly #lines: Lines
  readonly #socket: Socket
  readonly #reader: AnswerReader
  readonly #connecting: Timer
  #exchange: EmbedExchange | null = null
  #progress: { -readonly [key in keyof ExchangeProgress]: ExchangeProgress[key] } = {
    started: false,
    answered: false,
    informed: false,
  }
  #isConnected = false
  /** Has served before. */
  #isProven = false
  /** A byte of this answer has come. */
  #isSpoken = false
  #isGood = false
  /** False: the reader of the answer wants no more for now. */
  #goesOn = true
  #resumed = false
  #error: Error | null = null

  constructor(lines: Lines, host: string, port: number) {
    this.#lines = lines
    this.#reader = new AnswerReader(this)
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_IDLE_MS,
      onread: { buffer: READ, callback: (count) => this.#read(count) },
    })
    this.#connecting = lines.clock.after(CONNECT_MS, () =>
      this.lose(new Ended('unreached', 'CONNECT_TIMEOUT', `no connection within ${CONNECT_MS} ms`)),
    )
    this.#socket
      .on('connect', () => {
        this.#isConnected = true
        this.#progress.started = true
        this.#connecting.cancel()
      })
      .on('error', (error) => {
        this.#error = error
      })
      .on('end', () => this.#closed())
      .on('close', () => this.#closed())
  }

  /** Puts an exchange on its way. The line must be free. */
  carry(exchange: EmbedExchange): void {
    exchange.line = this
    this.#exchange = exchange
    this.#progress = { started: this.#isConnected, answered: false, informed: false }
    this.#isSpoken = false
    this.#isGood = false
    this.#reader.begin()
    const { head, body } = exchange
    if (body.length <= JOINED) {
      const bytes = Buffer.allocUnsafe(head.length + body.length)
      bytes.write(head, 0, 'latin1')
      bytes.set(body, head.length)
      this.#socket.write(bytes)
      return
    }
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    this.#socket.write(body)
    this.#socket.uncork()
  }

  resume(): void {
    this.#resumed = true
    this.#goesOn = true
    this.#socket.resume()
  }

  /** Ends the line, and whatever is on it. */
  lose(error: Error): void {
    this.#connecting.cancel()
    this.#socket.destroy()
    this.#lines.gone(this)
    const exchange = this.#exchange
    if (exchange === null) return
    this.#exchange = null
    // Between two requests a server may close at any time; its FIN then crosses ours, and nobody has read it.
    if (this.#isProven && !this.#isSpoken && !(error instanceof Ended)) return this.#lines.again(exchange)
    exchange.leave()
    try {
      exchange.sink.lost(lossOf(error, this.#progress))
    } catch (bug) {
      this.#lines.broken(bug)
    }
  }

  #read(count: number): boolean {
    // Words that nobody asked for.
    if (this.#exchange === null) this.lose(new Ended('protocol', 'UNASKED', 'an answer without a question'))
    else this.#take(READ.subarray(0, count))
    return this.#goesOn
  }

  #take(bytes: Buffer): void {
    this.#isSpoken = true
    if (this.#isGood) this.#lines.heard()
    try {
      this.#reader.push(bytes)
    } catch (error) {
      this.lose(error as Error)
    }
  }

  informed(): void {
    this.#progress.informed = true
    this.#lines.heard()
  }

  head({ status, headers, reason }: AnswerHead): void {
    this.#progress.answered = true
    this.#isGood = status < 500
    if (this.#isGood) this.#lines.heard()
    this.#tell((sink) => sink.head(status, headers, sayable(reason)))
  }

  data(bytes: Buffer): void {
    this.#resumed = false
    this.#tell((sink) => {
      // A sink that has taken heart again before it returned must not be waited for.
      if (!sink.data(Buffer.from(bytes)) && !this.#resumed) this.#goesOn = false
    })
  }

  end(idleMs: number): void {
    const exchange = this.#exchange
    if (exchange === null) return
    this.#exchange = null
    this.#isProven = true
    this.#goesOn = true
    exchange.leave()
    // Free before the end is told: whoever waits for a place sends from inside it.
    if (idleMs > 0 && this.#socket.writableLength === 0) this.#lines.free(this, idleMs)
    else this.lose(new Ended('aborted', 'NOT_KEPT', 'the connection is not kept'))
    try {
      exchange.sink.end()
    } catch (bug) {
      this.#lines.broken(bug)
    }
  }

  #tell(say: (sink: AnswerSink) => void): void {
    const exchange = this.#exchange
    if (exchange === null) return
    try {
      say(exchange.sink)
    } catch (bug) {
      this.#lines.broken(bug)
      this.lose(new Ended('aborted', 'SINK_BROKEN', 'the reader of the answer failed'))
    }
  }

  #closed(): void {
    if (this.#error === null && this.#reader.finish()) return this.end(0)
    this.lose(this.#error ?? Object.assign(new Error('the target closed the connection'), { code: 'CLOSED' }))
  }
}
