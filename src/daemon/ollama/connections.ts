// Owns the sockets to the target: one for jobs, a pool for direct requests, new ones for questions that an old socket
// cannot answer honestly. It knows no paths and no answers; nothing else in the program connects to the target.

import type { EventEmitter } from 'node:events'
import { Client, type Dispatcher, Pool } from 'undici'
import { createConnector } from './interim-answers.ts'

/** Every timeout of undici's but the connect is off: a load takes minutes, and the watchdogs are ours. */
const OPTIONS: Client.Options = {
  allowH2: false,
  bodyTimeout: 0,
  headersTimeout: 0,
  connect: createConnector(5_000),
  // Ollama never closes an idle connection; a laptop's firewall or NAT does, and says nothing.
  keepAliveTimeout: 30_000,
  pipelining: 1,
}

/** Direct requests besides embeddings (pulls, uploads, shows) that may be open at once. */
const OTHER_DIRECT = 32

export class Connections {
  readonly #origin: string
  readonly #poolSize: number
  readonly #onBug: (error: unknown) => void
  readonly #open = new Set<Client | Pool>()
  #jobs: Client
  #direct: Pool
  #closed = false

  constructor(origin: string, embedConcurrency: number, onBug: (error: unknown) => void) {
    this.#origin = origin
    this.#poolSize = embedConcurrency + OTHER_DIRECT
    this.#onBug = onBug
    this.#jobs = this.#client()
    this.#direct = this.#pool()
  }

  /** The one connection that jobs use. */
  get jobs(): Client {
    return this.#jobs
  }

  get direct(): Dispatcher {
    return this.#direct
  }

  /** A connection that nobody used before; `drop` it after its one question. */
  fresh(): Client {
    return this.#client()
  }

  drop(client: Client): void {
    this.#open.delete(client)
    void client.destroy()
  }

  /** From now on new sockets; idle old ones are closed, busy ones when they have finished. */
  renew(): void {
    if (this.#closed) return
    for (const old of [this.#jobs, this.#direct]) {
      const forget = () => this.#open.delete(old)
      old.close().then(forget, forget)
    }
    this.#jobs = this.#client()
    this.#direct = this.#pool()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#open].map((dispatcher) => dispatcher.destroy()))
  }

  #client(): Client {
    return this.#opened(new Client(this.#origin, OPTIONS))
  }

  #pool(): Pool {
    return this.#opened(new Pool(this.#origin, { ...OPTIONS, connections: this.#poolSize }))
  }

  #opened<T extends Client | Pool>(dispatcher: T): T {
    if (this.#closed) void dispatcher.destroy()
    else this.#open.add(dispatcher)
    // Without a listener Node throws what undici could not tell anybody else; its types do not know the event.
    const emitter: EventEmitter = dispatcher
    emitter.on('error', this.#onBug)
    return dispatcher
  }
}
