// Simulation of many targets behind one balancer: each target has a foreman that drains its own queue by model. Time is
// simulated, so a million jobs take seconds. It must not start a process or open a socket.

import { turnsToOldest } from '../src/daemon/domain/affinity.ts'

/** What is simulated. Times are in seconds of simulated time. */
export interface Fleet {
  readonly targets: number
  readonly models: number
  /** Exponent of the models' popularity (Zipf): 0 is uniform, 1 gives the first model twice the jobs of the second. */
  readonly skew: number
  readonly jobs: number
  /** Running time that arrives per second, divided by the number of targets. Loading comes on top of it. */
  readonly utilisation: number
  /** How long a target takes to load a model. */
  readonly loadTime: number
  /** Mean of the running times, which are distributed exponentially. */
  readonly runTime: number
  /** FOREMAN_DRAIN_LIMIT. */
  readonly drainLimit: number
  /** FOREMAN_MAX_QUEUE: a job that finds its queue full is refused. */
  readonly maxQueue: number
  readonly seed: number
}

export interface FleetResult {
  readonly swaps: number
  readonly refused: number
  /** Waiting times of the jobs that ran, ascending, in seconds. */
  readonly waits: Float64Array
}

/** Picks the target of a job. `queued` counts the jobs at each target, the running one included. */
export type Policy = (model: number, queued: Int32Array) => number

/** A generator of numbers in [0, 1) that repeats for a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Waiting {
  readonly arrived: number
  readonly runTime: number
}

/** A first-in, first-out list that does not move its elements at each removal. */
class Fifo {
  #items: Waiting[] = []
  #first = 0

  get head(): Waiting | undefined {
    return this.#items[this.#first]
  }

  push(item: Waiting): void {
    this.#items.push(item)
  }

  shift(): Waiting | undefined {
    const item = this.#items[this.#first]
    this.#first += 1
    if (this.#first > 1_000 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}

/** One target with its queue. It drains as foreman does: the resident model first, within the drain limit. */
class Target {
  swaps = 0
  readonly #fleet: Fleet
  readonly #waiting = new Map<number, Fifo>()
  #resident: number | null = null
  #swappedAt = 0
  #freeAt = Number.POSITIVE_INFINITY

  constructor(fleet: Fleet) {
    this.#fleet = fleet
  }

  add(model: number, job: Waiting): void {
    const queue = this.#waiting.get(model) ?? new Fifo()
    queue.push(job)
    this.#waiting.set(model, queue)
  }

  /** When the running job ends; infinite while nothing runs. */
  get freeAt(): number {
    return this.#freeAt
  }

  /** Starts the next job at `now`, at which the target is idle. Returns how long it waited, or null if none waits. */
  start(now: number): number | null {
    const next = this.#next(now)
    this.#freeAt = Number.POSITIVE_INFINITY
    if (next === null) return null
    const [model, job] = next
    const loads = model !== this.#resident
    if (loads) {
      this.swaps += 1
      this.#swappedAt = now
      this.#resident = model
    }
    this.#freeAt = now + (loads ? this.#fleet.loadTime : 0) + job.runTime
    return now - job.arrived
  }

  #next(now: number): [number, Waiting] | null {
    let oldest: number | null = null
    let oldestArrived = Number.POSITIVE_INFINITY
    for (const [model, { head }] of this.#waiting) {
      if (head === undefined || head.arrived >= oldestArrived) continue
      oldest = model
      oldestArrived = head.arrived
    }
    if (oldest === null) return null
    const isResidentWaiting = this.#resident !== null && this.#waiting.has(this.#resident)
    const model = isResidentWaiting && !this.#turns(now, oldestArrived) ? (this.#resident as number) : oldest
    const queue = this.#waiting.get(model) as Fifo
    const job = queue.shift() as Waiting
    if (queue.head === undefined) this.#waiting.delete(model)
    return [model, job]
  }

  #turns(now: number, oldestArrived: number): boolean {
    return turnsToOldest({
      limitMs: this.#fleet.drainLimit * 1_000,
      awakeNow: now * 1_000,
      swappedAwake: this.#swappedAt * 1_000,
      oldestAwake: oldestArrived * 1_000,
    })
  }
}

/** Sends the fleet's jobs through a policy and reports what it cost. The same fleet gives every policy the same jobs. */
export function simulate(fleet: Fleet, createPolicy: (fleet: Fleet) => Policy): FleetResult {
  const random = randomNumbers(fleet.seed)
  const pickModel = popularity(fleet)
  const policy = createPolicy(fleet)
  const targets = Array.from({ length: fleet.targets }, () => new Target(fleet))
  const freeAt = new Float64Array(fleet.targets).fill(Number.POSITIVE_INFINITY)
  const queued = new Int32Array(fleet.targets)
  const waits = new Float64Array(fleet.jobs)
  let ran = 0
  let refused = 0
  let now = 0
  const exponential = (mean: number) => -mean * Math.log(1 - random())
  const start = (index: number, at: number) => {
    const target = targets[index] as Target
    const waited = target.start(at)
    freeAt[index] = target.freeAt
    if (waited === null) return
    waits[ran] = waited
    ran += 1
  }
  const endDue = (until: number) => {
    for (let index = 0; index < fleet.targets; index++)
      for (
        let end = freeAt[index] as number;
        end <= until && end < Number.POSITIVE_INFINITY;
        end = freeAt[index] as number
      ) {
        queued[index] = (queued[index] ?? 0) - 1
        start(index, end)
      }
  }
  for (let job = 0; job < fleet.jobs; job++) {
    now += exponential(fleet.runTime / (fleet.utilisation * fleet.targets))
    const model = pickModel(random())
    const runTime = exponential(fleet.runTime)
    endDue(now)
    const target = policy(model, queued)
    const depth = queued[target] ?? 0
    if (depth >= fleet.maxQueue) {
      refused += 1
      continue
    }
    queued[target] = depth + 1
    ;(targets[target] as Target).add(model, { arrived: now, runTime })
    if (depth === 0) start(target, now)
  }
  endDue(Number.POSITIVE_INFINITY)
  const swaps = targets.reduce((sum, target) => sum + target.swaps, 0)
  return { swaps, refused, waits: waits.subarray(0, ran).sort() }
}

/** Maps a number in [0, 1) to a model by Zipf's law. */
function popularity({ models, skew }: Fleet): (chance: number) => number {
  const weights = Array.from({ length: models }, (_, index) => 1 / (index + 1) ** skew)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  let reached = 0
  const bounds = Float64Array.from(weights, (weight) => {
    reached += weight / sum
    return reached
  })
  return (chance) => {
    const index = bounds.findIndex((bound) => chance < bound)
    return index < 0 ? models - 1 : index
  }
}
