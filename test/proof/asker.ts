// Owns one client of a storm: what it asks for next, whether it follows what it submitted, cancels it, has it done again, or
// forgets it. Drawn from a seed; what it is told is the witness's to write down.

import type { JobState } from '../../src/protocol/wire.ts'
import type { Chance } from './chance.ts'
import type { WatchedClients } from './watched-clients.ts'
import { type Work, workOf } from './work.ts'

export interface AskerParts {
  readonly name: string
  readonly clients: WatchedClients
  readonly chance: Chance
  /** Where webhooks of this work go. */
  readonly urlFor: (ref: string) => string
  /** Ends it: nothing new is asked, what is open is finished. */
  readonly stop: AbortSignal
  /** Breaks off what is open. */
  readonly giveUp: AbortSignal
}

const MODELS = ['tiny-a', 'tiny-b', 'tiny-c'] as const
const ENDPOINTS = ['/api/chat', '/api/chat', '/api/generate', '/v1/chat/completions'] as const
const SUBSETS: readonly (readonly JobState[])[] = [['done', 'failed', 'cancelled'], ['working']]
/** Open jobs that one client looks after. */
const MOST_OPEN = 4

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class Asker {
  readonly #parts: AskerParts
  readonly #open = new Set<Promise<void>>()
  readonly #known: { readonly id: string; readonly work: Work }[] = []
  #count = 0

  constructor(parts: AskerParts) {
    this.#parts = parts
  }

  /** Resolves when all that it asked for has come to its end. */
  async run(): Promise<void> {
    const { stop, chance } = this.#parts
    while (!stop.aborted) {
      await this.#next()
      await pause(chance.whole(0, 30))
      while (this.#open.size >= MOST_OPEN) await Promise.race(this.#open)
    }
    await Promise.all(this.#open)
  }

  async #next(): Promise<void> {
    const { chance, clients } = this.#parts
    const roll = chance.next()
    if (roll < 0.42) return this.#submit()
    if (roll < 0.82) return this.#call()
    if (roll < 0.87) return clients.list(chance.whole(1, 30))
    const known = this.#known[chance.whole(0, this.#known.length)]
    if (known === undefined) return
    if (roll < 0.93) await clients.read(known.id)
    else await clients.cancel(known.id)
  }

  #work(isAsync: boolean): Work {
    const { name, chance, urlFor } = this.#parts
    this.#count += 1
    const isUnwanted = chance.happens(0.05)
    const ref = `${name}-${this.#count}${isUnwanted ? '-gone' : ''}`
    const isTold = isAsync && chance.happens(0.7)
    return workOf({
      ...{ ref, model: chance.one(MODELS), endpoint: chance.one(ENDPOINTS), stream: chance.happens(0.7) },
      prompt: 'x'.repeat(chance.happens(0.02) ? 300_000 : chance.skewed(1, 5_000)),
      key: isAsync && chance.happens(0.7) ? `key-${ref}` : null,
      receiver: isTold ? urlFor(ref) : null,
      states: isTold && chance.happens(0.2) ? chance.one(SUBSETS) : null,
    })
  }

  async #submit(): Promise<void> {
    const { clients, chance, giveUp } = this.#parts
    const work = this.#work(true)
    const id = await clients.submitted(work, giveUp)
    if (id === null) return
    this.#known.push({ id, work })
    const roll = chance.next()
    if (roll < 0.35) this.#keep(clients.watch(id, giveUp, (text) => this.#isLeaving(text)))
    else if (roll < 0.7) this.#keep(this.#poll(id, work))
    if (chance.happens(0.12)) this.#keep(this.#cancelSoon(id))
  }

  /** A watcher who goes away, seldom while he waits, often in the middle of an answer; and comes back. */
  #isLeaving(text: string): boolean {
    return this.#parts.chance.happens(text.includes('"type":"record"') ? 0.1 : 0.03)
  }

  async #poll(id: string, work: Work): Promise<void> {
    const { clients, chance, giveUp, stop } = this.#parts
    while (!giveUp.aborted) {
      const job = await clients.read(id)
      if (job?.finished_at !== null && job !== null) break
      await pause(chance.whole(20, 100))
    }
    if (stop.aborted || !chance.happens(0.1)) return
    const again = await clients.retry(id, work)
    if (again?.kind === 'accepted') this.#known.push({ id: again.jobId, work })
  }

  async #cancelSoon(id: string): Promise<void> {
    const { clients, chance } = this.#parts
    await pause(chance.whole(0, 150))
    await clients.cancel(id)
  }

  async #call(): Promise<void> {
    const { clients, chance } = this.#parts
    const hangsUp = chance.happens(0.15) ? AbortSignal.timeout(chance.whole(1, 150)) : undefined
    const call = clients.call(this.#work(false), hangsUp)
    if (chance.happens(0.5)) return call
    this.#keep(call)
  }

  #keep(task: Promise<void>): void {
    const kept: Promise<void> = task.finally(() => this.#open.delete(kept))
    this.#open.add(kept)
  }
}
