// Sockets to the target: one for jobs, one pool for embeddings, one for other direct requests, and new ones for questions that
// an old socket cannot answer reliably. Nothing else in the program connects to the target.

import type { EventEmitter } from 'node:events'
import { Client, Pool } from 'undici'
import { createConnector } from './connector.ts'

/** All timeouts of undici but that for connecting are off: loading a model takes minutes, and foreman has its own watchdogs. */
const OPTIONS: Client.Options = {
  allowH2: false,
  bodyTimeout: 0,
  headersTimeout: 0,
  connect: createConnector(5_000),
  // Ollama never closes an idle connection. A laptop's firewall or a NAT does, without a notice.
  keepAliveTimeout: 30_000,
  pipelining: 1,
}

/** How many direct requests other than embeddings (pulls, uploads, shows) may be open at once. */
const MAX_DIRECT = 40

interface CurrentConnections {
  /** The one connection that jobs use. */
  readonly jobs: Client
  /** Apart from the others: many open pulls must not delay an embedding. */
  readonly embeddings: Pool
  readonly direct: Pool
}

export class Connections {
  readonly #origin: string
  readonly #embedConcurrency: number
  readonly #onBug: (error: unknown) => void
  readonly #open = new Set<Client | Pool>()
  #current: CurrentConnections
  #closed = false

  constructor(origin: string, embedConcurrency: number, onBug: (error: unknown) => void) {
    this.#origin = origin
    this.#embedConcurrency = embedConcurrency
    this.#onBug = onBug
    this.#current = this.#openAll()
  }

  /** The connections that new requests use. */
  get current(): CurrentConnections {
    return this.#current
  }

  /** A new connection for one question. The caller drops it afterwards. */
  fresh(): Client {
    return this.#opened(new Client(this.#origin, OPTIONS))
  }

  drop(client: Client): void {
    this.#open.delete(client)
    void client.destroy()
  }

  /** From now on new sockets are used. Idle old ones are closed now, busy ones when they have finished. */
  renew(): void {
    if (this.#closed) return
    for (const old of Object.values(this.#current)) {
      const remove = () => this.#open.delete(old)
      old.close().then(remove, remove)
    }
    this.#current = this.#openAll()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#open].map((dispatcher) => dispatcher.destroy()))
  }

  #openAll(): CurrentConnections {
    return { jobs: this.fresh(), embeddings: this.#pool(this.#embedConcurrency), direct: this.#pool(MAX_DIRECT) }
  }

  #pool(connections: number): Pool {
    return this.#opened(new Pool(this.#origin, { ...OPTIONS, connections }))
  }

  #opened<T extends Client | Pool>(dispatcher: T): T {
    if (this.#closed) void dispatcher.destroy()
    else this.#open.add(dispatcher)
    // Without a listener Node throws errors that undici could not report to a request. undici's types do not know the event.
    const emitter: EventEmitter = dispatcher
    emitter.on('error', this.#onBug)
    return dispatcher
  }
}
