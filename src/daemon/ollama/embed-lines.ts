// Owns the connections that embeddings use, and nothing else does: the last one that came free is used first, and a new one
// is opened when none is free. How many there are at once is bounded by whoever asks (FOREMAN_EMBED_CONCURRENCY).

import type { Clock, Timer } from '../runtime/clock.ts'
import { EmbedExchange, EmbedLine, type Lines } from './embed-line.ts'
import { Ended } from './loss.ts'
import type { AnswerSink, Exchange } from './target.ts'

export interface EmbedLinesOptions {
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly heard: () => void
  readonly broken: (error: unknown) => void
}

interface Idle {
  readonly line: EmbedLine
  /** Clock.monotonic() after which the other side may have closed it. */
  readonly until: number
}

/** How often it is looked whether idle connections have had their time. */
const SWEEP_MS = 30_000

export class EmbedLines implements Lines {
  readonly clock: Clock
  readonly heard: () => void
  readonly broken: (error: unknown) => void
  readonly #host: string
  readonly #port: number
  readonly #open = new Set<EmbedLine>()
  /** Those of before the last `renew` are busy, and are not kept. */
  #kept = new WeakSet<EmbedLine>()
  readonly #idle: Idle[] = []
  #sweep: Timer | null = null
  #isClosed = false

  constructor({ host, port, clock, heard, broken }: EmbedLinesOptions) {
    this.#host = host
    this.#port = port
    this.clock = clock
    this.heard = heard
    this.broken = broken
  }

  /** `head`: up to the blank line, one character a byte. */
  send(head: string, body: Uint8Array, sink: AnswerSink): Exchange {
    const exchange = new EmbedExchange(head, body, sink)
    const line = this.#take() ?? this.#new()
    line.carry(exchange)
    // The asker does not hold the exchange yet.
    if (this.#isClosed) queueMicrotask(() => exchange.abort())
    return exchange
  }

  /** Sent again, on a connection that cannot have been closed before: an embedding changes nothing, so twice is as once. */
  again(exchange: EmbedExchange): void {
    this.#new().carry(exchange)
  }

  free(line: EmbedLine, idleMs: number): void {
    if (!this.#kept.has(line)) return line.lose(new Ended('aborted', 'RENEWED', 'connections were made anew'))
    this.#idle.push({ line, until: this.clock.monotonic() + idleMs })
    this.#sweep ??= this.clock.after(SWEEP_MS, () => this.#drop())
  }

  gone(line: EmbedLine): void {
    this.#open.delete(line)
    const at = this.#idle.findIndex((idle) => idle.line === line)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  /** From now on new connections; idle ones are closed, busy ones when they have finished. */
  renew(): void {
    this.#kept = new WeakSet()
    for (const { line } of [...this.#idle]) line.lose(new Ended('aborted', 'RENEWED', 'connections were made anew'))
  }

  close(): void {
    this.#isClosed = true
    this.#sweep?.cancel()
    for (const line of [...this.#open]) line.lose(new Ended('aborted', 'CLOSED', 'foreman is stopping'))
  }

  #take(): EmbedLine | null {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (this.clock.monotonic() < idle.until) return idle.line
      idle.line.lose(new Ended('aborted', 'OLD', 'idle for too long'))
    }
    return null
  }

  #new(): EmbedLine {
    const line = new EmbedLine(this, this.#host, this.#port)
    this.#open.add(line)
    this.#kept.add(line)
    return line
  }

  #drop(): void {
    this.#sweep = null
    const now = this.clock.monotonic()
    const old = this.#idle.filter(({ until }) => until <= now)
    for (const { line } of old) line.lose(new Ended('aborted', 'OLD', 'idle for too long'))
    if (this.#idle.length > 0 && !this.#isClosed) this.#sweep = this.clock.after(SWEEP_MS, () => this.#drop())
  }
}
