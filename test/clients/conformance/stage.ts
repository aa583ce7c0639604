// Owns one performance of a scenario: the fake target, foreman as a program of its own, and a tapped wire for each client,
// so that nobody's answer begins before everybody has been kept waiting as long as was meant. It judges nothing.

import { FakeOllama, type SeenRequest } from '../../fake-ollama.ts'
import { exchange, post } from '../../ollama/exchange.ts'
import { type Foreman, startForeman } from '../../ollama/foreman.ts'
import { type Crowd, gather } from './crowd.ts'
import { type Cell, outcomeOf } from './outcome.ts'
import { MODEL, type Scenario, TURN } from './scenario.ts'
import { type SteppedForeman, startSteppedForeman } from './stepped-foreman.ts'
import { Tap } from './tap.ts'
import { type Named, nameOf, type Told, type Way } from './way.ts'

/** Ends a performance that has failed; retries of clients take up to 7 s. */
const DEADLINE_MS = 150_000

export interface Performance {
  readonly cell: Cell
  readonly told: Told
}

export class Stage {
  readonly fake: FakeOllama
  readonly foreman: Foreman
  #taps: ReadonlyMap<string, Tap>
  readonly #stepped: SteppedForeman | null
  readonly #crowds: Crowd[] = []
  #isOver = false

  private constructor(fake: FakeOllama, foreman: Foreman | SteppedForeman, taps: ReadonlyMap<string, Tap>) {
    this.fake = fake
    this.foreman = foreman
    this.#stepped = 'pass' in foreman ? foreman : null
    this.#taps = taps
  }

  /** Everything up, nobody asking yet. `isStepped`: foreman's time passes only by `pass`. */
  static async set(
    settings: Readonly<Record<string, string>>,
    ways: readonly Named[],
    isStepped = false,
  ): Promise<Stage> {
    const fake = await FakeOllama.start()
    const starting = isStepped ? startSteppedForeman(fake, settings) : startForeman(fake.url, settings)
    const foreman = await starting.catch(async (error: unknown) => {
      await fake.stop()
      throw error
    })
    return new Stage(fake, foreman, await tapsFor(ways, foreman.url))
  }

  get taps(): ReadonlyMap<string, Tap> {
    return this.#taps
  }

  /** Others come on in front of the same foreman: at `paths` the target is itself again, and nobody has been heard yet. */
  async clear(ways: readonly Named[], paths: readonly string[]): Promise<void> {
    for (const tap of this.#taps.values()) await tap.stop()
    for (const path of paths) this.fake.plain(path)
    this.#taps = await tapsFor(ways, this.foreman.url)
    await this.foreman.shows('nobody, and a target', ({ target, running, queue }) => {
      return target.reachable === true && running === null && queue.waiting === 0
    })
  }

  async pass(ms: number): Promise<void> {
    if (this.#stepped === null) throw new Error('its time passes by itself')
    await this.#stepped.pass(ms)
  }

  /** So many others on the line, who all ask the same and stay. */
  async gather(many: number, request: string, hears = false): Promise<void> {
    this.#crowds.push(await gather(this.foreman.url, many, request, hears))
  }

  tapOf(way: Named): Tap {
    const tap = this.#taps.get(nameOf(way))
    if (tap === undefined) throw new Error(`nobody listens to ${nameOf(way)}`)
    return tap
  }

  async pause(): Promise<void> {
    await exchange(this.foreman.url, post('/pause', {}))
  }

  async resume(): Promise<void> {
    await exchange(this.foreman.url, post('/resume', {}))
  }

  /** Each chat waits at the target until its caller has heard so many beats; then it is let through. */
  async letThroughAfter(beats: number): Promise<void> {
    while (!this.#isOver) {
      await this.fake.waiting(TURN)
      const request = this.fake.workers.find((seen) => !seen.isOver && seen.order.firstByte === null)
      // Nobody: it waits there still, but its caller has gone.
      if (request !== undefined) await this.#beaten(request, beats)
      this.fake.step(TURN)
      await this.#passed(request)
    }
  }

  /** Resolves when everybody has an answer that has been kept alive by so many beats. */
  async everybodyWaits(beats: number): Promise<void> {
    await Promise.all(
      [...this.#taps.values()].map((tap) =>
        tap.until(({ answers }) => answers.some((answer) => answer.beats >= beats)),
      ),
    )
  }

  /** Cancels each job as soon as its caller has heard so many beats, and the jobs of those who ask again as well. */
  async cancelWhoeverWaits(beats: number): Promise<void> {
    const cancelled = new Set<string>()
    const isReady = ({ answers }: Tap) =>
      answers.some((answer) => answer.jobId !== null && answer.beats >= beats && !cancelled.has(answer.jobId))
    await Promise.all(
      [...this.#taps.values()].map(async (tap) => {
        while (!this.#isOver) {
          await tap.until((wire) => this.#isOver || isReady(wire))
          for (const { jobId, beats: heard } of tap.answers) {
            if (jobId === null || heard < beats || cancelled.has(jobId)) continue
            cancelled.add(jobId)
            await exchange(this.foreman.url, post(`/jobs/${jobId}/cancel`, {}))
          }
        }
      }),
    )
  }

  /** Ends all that was started. */
  async strike(): Promise<void> {
    this.#isOver = true
    for (const crowd of this.#crowds) crowd.leave()
    for (const tap of this.#taps.values()) await tap.stop()
    this.fake.gates.releaseAll()
    await this.foreman.stop()
    await this.fake.stop()
  }

  async #beaten(request: SeenRequest, beats: number): Promise<void> {
    const jobId = request.header('x-foreman-job-id')
    const hears = ({ answers }: Tap) => answers.some((answer) => answer.jobId === jobId && answer.beats >= beats)
    await Promise.race([...[...this.#taps.values()].map((tap) => tap.until(hears)), request.over])
  }

  /** The gate is behind it. */
  async #passed(request: SeenRequest | undefined): Promise<void> {
    do await new Promise((turn) => setImmediate(turn))
    while (request?.order.firstByte === null && !request.isOver)
  }
}

async function tapsFor(ways: readonly Named[], url: string): Promise<ReadonlyMap<string, Tap>> {
  const taps = new Map<string, Tap>()
  for (const way of ways) taps.set(nameOf(way), await Tap.start(url))
  return taps
}

/** What becomes of each way in this scenario, all asking at once. */
export async function perform(scenario: Scenario, ways: readonly Way[]): Promise<ReadonlyMap<string, Performance>> {
  const stage = await Stage.set(scenario.settings, ways)
  let timer: NodeJS.Timeout | undefined
  try {
    await scenario.prepare(stage)
    const waiting = new Set(ways.map(nameOf))
    const asking = ways.map(async (way) => {
      const tap = stage.tapOf(way)
      const told = await way.tell({ url: tap.url, model: MODEL })
      waiting.delete(nameOf(way))
      const reasons = tap.answers.map(({ reason }) => reason)
      return [
        nameOf(way),
        { told, cell: { outcome: outcomeOf(told, scenario.truth, reasons), sent: tap.requests } },
      ] as const
    })
    // It goes on for as long as somebody asks; its own failure ends the wait at once.
    const playing = Promise.resolve(scenario.play(stage)).then(() => new Promise<never>(() => undefined))
    const { promise: late, reject } = Promise.withResolvers<never>()
    timer = setTimeout(() => reject(new Error(`${scenario.name}: no end for ${[...waiting].join(', ')}`)), DEADLINE_MS)
    return new Map(await Promise.race([Promise.all(asking), playing, late]))
  } finally {
    clearTimeout(timer)
    await stage.strike()
  }
}
