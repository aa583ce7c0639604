// Fuzz target: random walks of jobs through their states, by every event, with clocks that jump. The table of transitions is
// the model. Each check also requires distinct positions, one wait reason for each job, and that the first position is next.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { CLOUD_AFFINITY, isResident, type Residency } from '../../../src/daemon/domain/affinity.ts'
import { type EventName, isFinal, type State, TRANSITIONS, type Transition } from '../../../src/daemon/domain/job.ts'
import { MAX_BACKOFF_MS, MAX_OWN_BACKOFF_MS, waitingFor } from '../../../src/daemon/domain/wait-reason.ts'
import type { JobChange, Store } from '../../../src/daemon/sqlite/store.ts'
import { openStore } from '../../../src/daemon/sqlite/thread.ts'
import type { FuzzTurn } from '../target.ts'

export const name = 'transitions'

const BATCH = 5
const NO_LIMITS = { maxQueue: 1_000, maxQueueBytes: 2 ** 30 }
const AFFINITIES = ['a:latest', 'a:latest num_ctx=8192', 'b:latest', CLOUD_AFFINITY]
const EVENTS = (Object.keys(TRANSITIONS) as EventName[]).filter(
  (event): event is JobChange['event'] => event !== 'claimed_cold' && event !== 'claimed_warm',
)
const TABLE: Readonly<Record<EventName, Transition>> = TRANSITIONS

interface Known {
  readonly id: string
  state: State
  attempt: number
  availableAt: number | null
  /** When it was last queued. */
  requeuedAt: number
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('enqueue' as const), affinity: fc.constantFrom(...AFFINITIES) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('apply' as const),
      event: fc.constantFrom(...EVENTS),
      job: fc.nat(),
      backoffMs: fc.option(fc.oneof(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 3_600_000 }))),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 120_000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      ms: fc.constantFrom(-86_400_000, -3_600_000, 3_600_000),
    }),
  },
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

let ids = 0

class Walk {
  readonly #store: Store
  readonly #limitMs: number
  readonly #jobs: Known[] = []
  #now = Date.UTC(2026, 0, 6, 12)
  #awake: number
  #residency: Residency = { affinity: null, foreign: [] }

  constructor(store: Store, limitMs: number, awake: number) {
    this.#store = store
    this.#limitMs = limitMs
    this.#awake = awake
  }

  get awake(): number {
    return this.#awake
  }

  async take(one: Step): Promise<void> {
    if (one.kind === 'enqueue') await this.#enqueue(one.affinity)
    else if (one.kind === 'claim') await this.#claim()
    else if (one.kind === 'apply') await this.#apply(one)
    else if (one.kind === 'jump') this.#now += one.ms
    else {
      this.#now += one.ms
      this.#awake += one.ms
    }
    await this.#look()
  }

  /** Ends the remaining jobs, so that the next walk starts with an empty queue. */
  async end(): Promise<void> {
    const error = { code: 'cancelled', message: 'over', status: null } as const
    for (const { id } of this.#jobs) await this.#store.apply({ id, event: 'cancelled', now: this.#now, error })
    equal(this.#store.depth.jobs, 0)
  }

  async #enqueue(affinity: string): Promise<void> {
    const id = `fuzz-${++ids}`
    const model = affinity === CLOUD_AFFINITY ? 'x:cloud' : (affinity.split(' ', 1)[0] ?? '')
    const result = await this.#store.enqueue(
      {
        ...{ id, caller: 'none', endpoint: '/api/chat', model, affinity, stream: true, loadOnly: false },
        ...{ contentType: null, contentEncoding: null, body: new Uint8Array(Buffer.from('{}')) },
        ...{ createdAt: this.#now, createdAwake: this.#awake },
      },
      NO_LIMITS,
    )
    equal(result.kind, 'enqueued')
    this.#jobs.push({ id, state: 'queued', attempt: 0, availableAt: null, requeuedAt: this.#now })
  }

  async #claim(): Promise<void> {
    // One at a time: the dispatcher claims nothing while a job runs.
    if (this.#jobs.some(({ state }) => state === 'loading' || state === 'working')) return
    const waiting = this.#jobs.filter(({ state }) => state === 'queued')
    const places = await this.#places()
    const claim = await this.#store.claim({
      ...{ now: this.#now, awake: this.#awake, residency: this.#residency, drainLimitMs: this.#limitMs },
    })
    const mayWait = waiting.every((job) => this.#backsOff(job))
    equal(claim.kind, mayWait ? 'empty' : 'claimed', JSON.stringify(waiting))
    if (claim.kind === 'empty') return
    const job = this.#jobs.find(({ id }) => id === claim.job.id)
    ok(job !== undefined && job.state === 'queued')
    if (waiting.every(({ availableAt }) => availableAt === null))
      equal(places.get(job.id), 0, 'the first place is next')
    job.state = isResident(claim.job.affinity, this.#residency) ? 'working' : 'loading'
    job.attempt += 1
    for (const one of this.#jobs) if (one.state === 'queued' && !this.#backsOff(one)) one.availableAt = null
    job.availableAt = null
    if (claim.job.affinity !== CLOUD_AFFINITY) this.#residency = { affinity: claim.job.affinity, foreign: [] }
    deepEqual([claim.job.state, claim.job.attempt], [job.state, job.attempt])
  }

  async #apply({ event, job: choice, backoffMs }: Extract<Step, { kind: 'apply' }>): Promise<void> {
    const job = this.#jobs[choice % Math.max(1, this.#jobs.length)]
    if (job === undefined) return
    const { from, to, attempt } = TABLE[event]
    const isLegal = from.includes(job.state)
    const availableAt = to === 'queued' && backoffMs !== null ? this.#now + backoffMs : null
    const error = { code: 'internal', message: 'fuzz', status: null } as const
    const result = await this.#store.apply({
      ...{ id: job.id, event, now: this.#now },
      ...(to === 'failed' || to === 'cancelled' ? { error } : {}),
      ...(availableAt === null ? {} : { availableAt }),
    })
    equal(result.kind, isLegal ? 'applied' : 'conflict', `${event} of a job that is ${job.state}`)
    if (!isLegal) return
    ok(!isFinal(job.state), `${event} has left ${job.state}`)
    Object.assign(job, { state: to, attempt: job.attempt + attempt, availableAt })
    if (to === 'queued') job.requeuedAt = this.#now
  }

  /** Checks that a backoff from before the clock was set back has ended, unless it is short enough to remain. */
  #backsOff({ availableAt, requeuedAt }: Known): boolean {
    if (availableAt === null || availableAt <= this.#now) return false
    const isShort = availableAt <= this.#now + MAX_OWN_BACKOFF_MS
    return isShort || (requeuedAt <= this.#now && availableAt <= this.#now + MAX_BACKOFF_MS)
  }

  async #places(): Promise<Map<string, number>> {
    const turn = { ...this.#residency, drain: { limitMs: this.#limitMs, awakeNow: this.#awake } }
    const filter = { state: 'queued', model: null, label: null, limit: 5_000, before: null } as const
    const places = new Map<string, number>()
    for (const { job, queuePosition } of await this.#store.list(filter, turn)) {
      ok(queuePosition !== null, `${job.id} waits and has no place`)
      places.set(
        job.id,
        queuePosition.ahead.reduce((sum, { jobs }) => sum + jobs, 0),
      )
      const running = this.#jobs.find(({ state }) => state === 'loading' || state === 'working')
      const { reason } = waitingFor(job, queuePosition, {
        ...{ now: this.#now, pause: null, storageFullSince: null, unreachableSince: null, swappedAt: null },
        ...{ running: running === undefined ? null : { jobId: running.id, since: 0 }, idleSince: null },
      })
      const known = this.#jobs.find(({ id }) => id === job.id)
      ok(known !== undefined)
      const expected = this.#backsOff(known) ? 'backoff' : queuePosition.draining === undefined ? 'running' : 'draining'
      equal(reason, expected, JSON.stringify({ known, now: this.#now, queuePosition }))
    }
    return places
  }

  async #look(): Promise<void> {
    const places = await this.#places()
    const waiting = this.#jobs.filter(({ state }) => state === 'queued')
    deepEqual([...places.keys()].sort(), waiting.map(({ id }) => id).sort())
    deepEqual(
      [...places.values()].sort((a, b) => a - b),
      waiting.map((_, at) => at),
      'places are distinct',
    )
    for (const { id, state, attempt } of this.#jobs) {
      const job = await this.#store.get(id)
      deepEqual([job?.state, job?.attempt], [state, attempt], id)
    }
  }
}

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-fuzz-'))
  const onFatal = (error: Error): void => {
    throw error
  }
  const store = await openStore({ path: join(folder, 'foreman.db'), onFatal })
  // The awake clock never goes back, not even between two walks.
  let awake = 0
  const steps = fc.array(step, { minLength: 5, maxLength: 40 })
  const property = fc.asyncProperty(steps, fc.constantFrom(0, 60_000, 900_000), async (walked, limitMs) => {
    const walk = new Walk(store, limitMs, awake)
    try {
      for (const one of walked) await walk.take(one)
    } finally {
      ;({ awake } = walk)
      await walk.end()
    }
  })
  try {
    let cases = 0
    for (let batch = 0; batch === 0 || !until(); batch++) {
      await fc.assert(property, { seed: seed + batch, numRuns: BATCH, includeErrorInReport: true })
      cases += BATCH
    }
    return { cases }
  } finally {
    await store.close()
    await rm(folder, { recursive: true, force: true })
  }
}
