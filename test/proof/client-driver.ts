// One client of a run with random kills: it submits, calls, reads, follows, cancels, retries and lists jobs.
// Its choices come from a seed. WatchedClients records what it sees.

import type { JobState } from '../../src/protocol/wire.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { WatchedClients } from './watched-clients.ts'
import { type Work, workOf } from './work.ts'

export interface ClientDriverParts {
  readonly name: string
  readonly clients: WatchedClients
  readonly random: SeededRandom
  /** Returns the receiver URL for the webhooks of a request. */
  readonly urlFor: (ref: string) => string
  /** Stops new requests; open ones are finished. */
  readonly stop: AbortSignal
  /** Aborts open requests. */
  readonly giveUp: AbortSignal
}

const MODELS = ['tiny-a', 'tiny-b', 'tiny-c'] as const
const ENDPOINTS = ['/api/chat', '/api/chat', '/api/generate', '/v1/chat/completions'] as const
const SUBSETS: readonly (readonly JobState[])[] = [['done', 'failed', 'cancelled'], ['working']]
/** Jobs that one client follows at a time. */
const MAX_OPEN_JOBS = 4

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class ClientDriver {
  readonly #parts: ClientDriverParts
  readonly #open = new Set<Promise<void>>()
  readonly #known: { readonly id: string; readonly work: Work }[] = []
  #count = 0

  constructor(parts: ClientDriverParts) {
    this.#parts = parts
  }

  /** Resolves when every request has ended. */
  async run(): Promise<void> {
    const { stop, random } = this.#parts
    while (!stop.aborted) {
      await this.#next()
      await pause(random.integer(0, 30))
      while (this.#open.size >= MAX_OPEN_JOBS) await Promise.race(this.#open)
    }
    await Promise.all(this.#open)
  }

  async #next(): Promise<void> {
    const { random, clients } = this.#parts
    const roll = random.next()
    if (roll < 0.42) return this.#submit()
    if (roll < 0.82) return this.#call()
    if (roll < 0.87) return clients.list(random.integer(1, 30))
    const known = this.#known[random.integer(0, this.#known.length)]
    if (known === undefined) return
    if (roll < 0.93) await clients.read(known.id)
    else await clients.cancel(known.id)
  }

  #work(isAsync: boolean): Work {
    const { name, random, urlFor } = this.#parts
    this.#count += 1
    const isUnwanted = random.happens(0.05)
    const ref = `${name}-${this.#count}${isUnwanted ? '-gone' : ''}`
    const isTold = isAsync && random.happens(0.7)
    return workOf({
      ...{ ref, model: random.pick(MODELS), endpoint: random.pick(ENDPOINTS), stream: random.happens(0.7) },
      prompt: 'x'.repeat(random.happens(0.02) ? 300_000 : random.skewed(1, 5_000)),
      key: isAsync && random.happens(0.7) ? `key-${ref}` : null,
      receiver: isTold ? urlFor(ref) : null,
      states: isTold && random.happens(0.2) ? random.pick(SUBSETS) : null,
    })
  }

  async #submit(): Promise<void> {
    const { clients, random, giveUp } = this.#parts
    const work = this.#work(true)
    const id = await clients.submitted(work, giveUp)
    if (id === null) return
    this.#known.push({ id, work })
    const roll = random.next()
    if (roll < 0.35) this.#keep(clients.watch(id, giveUp, (text) => this.#disconnects(text)))
    else if (roll < 0.7) this.#keep(this.#poll(id, work))
    if (random.happens(0.12)) this.#keep(this.#cancelSoon(id))
  }

  /** Whether the watcher disconnects now: seldom while it waits, often in the middle of an answer. It reconnects later. */
  #disconnects(text: string): boolean {
    return this.#parts.random.happens(text.includes('"type":"record"') ? 0.1 : 0.03)
  }

  async #poll(id: string, work: Work): Promise<void> {
    const { clients, random, giveUp, stop } = this.#parts
    while (!giveUp.aborted) {
      const job = await clients.read(id)
      if (job?.finished_at !== null && job !== null) break
      await pause(random.integer(20, 100))
    }
    if (stop.aborted || !random.happens(0.1)) return
    const again = await clients.retry(id, work)
    if (again?.kind === 'accepted') this.#known.push({ id: again.jobId, work })
  }

  async #cancelSoon(id: string): Promise<void> {
    const { clients, random } = this.#parts
    await pause(random.integer(0, 150))
    await clients.cancel(id)
  }

  async #call(): Promise<void> {
    const { clients, random } = this.#parts
    const hangsUp = random.happens(0.15) ? AbortSignal.timeout(random.integer(1, 150)) : undefined
    const call = clients.call(this.#work(false), hangsUp)
    if (random.happens(0.5)) return call
    this.#keep(call)
  }

  #keep(task: Promise<void>): void {
    const kept: Promise<void> = task.finally(() => this.#open.delete(kept))
    this.#open.add(kept)
  }
}
