// One run of a scenario: the fake target, foreman as a separate process, and a recorded connection for each client. No client's
// answer begins before all clients have waited as long as the scenario says. It does not judge results.

import { FakeOllama, type SeenRequest } from '../../fake-ollama.ts'
import { exchange, post } from '../../ollama/exchange.ts'
import { type Foreman, startForeman } from '../../ollama/foreman.ts'
import { type ClientGroup, connectClients } from './client-group.ts'
import { type ClientMode, type ClientName, type ClientResult, nameOf } from './client-mode.ts'
import { type Cell, outcomeOf } from './outcome.ts'
import { MODEL, type Scenario, TURN } from './scenario.ts'
import { type SteppedForeman, startSteppedForeman } from './stepped-foreman.ts'
import { Tap } from './tap.ts'

/** Limit for a run that hangs; retries of clients take up to 7 s. */
const MAX_RUN_MS = 150_000

export interface ScenarioResult {
  readonly cell: Cell
  readonly result: ClientResult
}

export class ScenarioRun {
  readonly fake: FakeOllama
  readonly foreman: Foreman
  #taps: ReadonlyMap<string, Tap>
  readonly #stepped: SteppedForeman | null
  readonly #clientGroups: ClientGroup[] = []
  #isStopped = false

  private constructor(fake: FakeOllama, foreman: Foreman | SteppedForeman, taps: ReadonlyMap<string, Tap>) {
    this.fake = fake
    this.foreman = foreman
    this.#stepped = 'advance' in foreman ? foreman : null
    this.#taps = taps
  }

  /** Starts target, foreman and connections. `isStepped`: foreman's time passes only through `advance`. */
  static async start(
    settings: Readonly<Record<string, string>>,
    ways: readonly ClientName[],
    isStepped = false,
  ): Promise<ScenarioRun> {
    const fake = await FakeOllama.start()
    const starting = isStepped ? startSteppedForeman(fake, settings) : startForeman(fake.url, settings)
    const foreman = await starting.catch(async (error: unknown) => {
      await fake.stop()
      throw error
    })
    return new ScenarioRun(fake, foreman, await tapsFor(ways, foreman.url))
  }

  get taps(): ReadonlyMap<string, Tap> {
    return this.#taps
  }

  /** Prepares the same foreman for other clients: new connections, and at `paths` the default answers of the target. */
  async reset(ways: readonly ClientName[], paths: readonly string[]): Promise<void> {
    for (const tap of this.#taps.values()) await tap.stop()
    for (const path of paths) this.fake.plain(path)
    this.#taps = await tapsFor(ways, this.foreman.url)
    await this.foreman.shows('an idle queue and a reachable target', ({ target, running, queue }) => {
      return target.reachable === true && running === null && queue.waiting === 0
    })
  }

  async advance(ms: number): Promise<void> {
    if (this.#stepped === null) throw new Error('its clock is not stepped')
    await this.#stepped.advance(ms)
  }

  /** Opens more connections, which all send the same request and stay open. */
  async connectClients(many: number, request: string, hears = false): Promise<void> {
    this.#clientGroups.push(await connectClients(this.foreman.url, many, request, hears))
  }

  tapOf(way: ClientName): Tap {
    const tap = this.#taps.get(nameOf(way))
    if (tap === undefined) throw new Error(`no connection for ${nameOf(way)}`)
    return tap
  }

  async pause(): Promise<void> {
    await exchange(this.foreman.url, post('/pause', {}))
  }

  async resume(): Promise<void> {
    await exchange(this.foreman.url, post('/resume', {}))
  }

  /** Holds each chat at the target until its caller has received this many heartbeats. */
  async releaseAfterHeartbeats(beats: number): Promise<void> {
    while (!this.#isStopped) {
      await this.fake.waiting(TURN)
      const request = this.fake.workers.find((seen) => !seen.isOver && seen.order.firstByte === null)
      // Undefined if it still waits there, but its caller has hung up.
      if (request !== undefined) await this.#hasHeartbeats(request, beats)
      this.fake.step(TURN)
      await this.#hasFirstByte(request)
    }
  }

  /** Resolves when every client has received this many heartbeats in one answer. */
  async allHaveHeartbeats(beats: number): Promise<void> {
    await Promise.all(
      [...this.#taps.values()].map((tap) =>
        tap.until(({ answers }) => answers.some((answer) => answer.beats >= beats)),
      ),
    )
  }

  /** Cancels each job once its caller has received this many heartbeats, and the jobs of retries as well. */
  async cancelAfterHeartbeats(beats: number): Promise<void> {
    const cancelled = new Set<string>()
    const isReady = ({ answers }: Tap) =>
      answers.some((answer) => answer.jobId !== null && answer.beats >= beats && !cancelled.has(answer.jobId))
    await Promise.all(
      [...this.#taps.values()].map(async (tap) => {
        while (!this.#isStopped) {
          await tap.until((wire) => this.#isStopped || isReady(wire))
          for (const { jobId, beats: heard } of tap.answers) {
            if (jobId === null || heard < beats || cancelled.has(jobId)) continue
            cancelled.add(jobId)
            await exchange(this.foreman.url, post(`/jobs/${jobId}/cancel`, {}))
          }
        }
      }),
    )
  }

  /** Stops everything. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const crowd of this.#clientGroups) crowd.disconnect()
    for (const tap of this.#taps.values()) await tap.stop()
    this.fake.gates.releaseAll()
    await this.foreman.stop()
    await this.fake.stop()
  }

  async #hasHeartbeats(request: SeenRequest, beats: number): Promise<void> {
    const jobId = request.header('x-foreman-job-id')
    const hears = ({ answers }: Tap) => answers.some((answer) => answer.jobId === jobId && answer.beats >= beats)
    await Promise.race([...[...this.#taps.values()].map((tap) => tap.until(hears)), request.over])
  }

  /** Resolves when the request has passed the gate. */
  async #hasFirstByte(request: SeenRequest | undefined): Promise<void> {
    do await new Promise((turn) => setImmediate(turn))
    while (request?.order.firstByte === null && !request.isOver)
  }
}

async function tapsFor(ways: readonly ClientName[], url: string): Promise<ReadonlyMap<string, Tap>> {
  const taps = new Map<string, Tap>()
  for (const way of ways) taps.set(nameOf(way), await Tap.start(url))
  return taps
}

/** Runs a scenario with all client modes at the same time; returns the result of each. */
export async function runScenario(
  scenario: Scenario,
  ways: readonly ClientMode[],
): Promise<ReadonlyMap<string, ScenarioResult>> {
  const scenarioRun = await ScenarioRun.start(scenario.settings, ways)
  let timer: NodeJS.Timeout | undefined
  try {
    await scenario.prepare(scenarioRun)
    const waiting = new Set(ways.map(nameOf))
    const asking = ways.map(async (way) => {
      const tap = scenarioRun.tapOf(way)
      const result = await way.call({ url: tap.url, model: MODEL })
      waiting.delete(nameOf(way))
      const reasons = tap.answers.map(({ reason }) => reason)
      return [
        nameOf(way),
        { result, cell: { outcome: outcomeOf(result, scenario.expected, reasons), sent: tap.requests } },
      ] as const
    })
    // `act` may run until the last answer; if it fails, the run fails at once.
    const acting = Promise.resolve(scenario.act(scenarioRun)).then(() => new Promise<never>(() => undefined))
    const { promise: late, reject } = Promise.withResolvers<never>()
    timer = setTimeout(() => reject(new Error(`${scenario.name}: no end for ${[...waiting].join(', ')}`)), MAX_RUN_MS)
    return new Map(await Promise.race([Promise.all(asking), acting, late]))
  } finally {
    clearTimeout(timer)
    await scenarioRun.stop()
  }
}
