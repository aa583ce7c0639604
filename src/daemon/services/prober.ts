// Prober: keeps the known state of the target. It asks for the inventory at an interval and after anything that may
// have changed it, one probe at a time, and reports when the target becomes reachable or unreachable. It never sends a
// job.

import type { Config } from '../config/options.ts'
import { readInventory, readResident } from '../domain/inventory.ts'
import { NOT_PINNED, type Pinning, pinningAfter } from '../domain/pinning.ts'
import { type Inventory, type ResidentModel, type TargetStatus, UNKNOWN_TARGET } from '../domain/target-status.ts'
import type { ProbeResult, Target } from '../ollama/target.ts'
import type { AwakeClock, Clock, Timer } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { MetricSink } from '../runtime/metrics.ts'

const DEADLINE_MS = 5_000
/** Ollama 0.17.4 answers an unload at once, but lists the model for up to a second more, already expired. */
const LEAVING_MS = 500
/** A limit, because with clocks that disagree a model may look expired for ever. */
const MAX_FAST_PROBES = 6
/** After an uncertain probe: the target answered one request, but not all in time. */
const UNCERTAIN_MS = 2_000

export interface ProberParts {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: MetricSink
  readonly target: Target
  readonly awake: AwakeClock
  readonly config: Pick<Config, 'pollIntervalMs' | 'embedModel'>
  /** No job runs or waits: only then may the embedder be pinned again. */
  readonly isQuiet: () => boolean
  /** While the queue is paused nothing is loaded: the memory is needed for something else. */
  readonly isPaused: () => boolean
}

export class Prober {
  readonly #parts: ProberParts
  readonly #listeners = new Set<(status: TargetStatus) => void>()
  #status: TargetStatus = UNKNOWN_TARGET
  #pinning: Pinning = NOT_PINNED
  #current: Promise<TargetStatus> | null = null
  #again = false
  #warming: { readonly done: Promise<void>; readonly stop: AbortController } | null = null
  /** A pause has ended: load the embedder at the next answer, even if jobs wait. */
  #isWarmingDue = false
  /** Clock.monotonic() of the last load of the embedder whose pin has not been seen yet; null if there is none. */
  #warmedAt: number | null = null
  #timer: Timer | null = null
  #fastProbes = 0
  /** What the log says of the target. `answers` waits for a probe, because only a probe reads the version. */
  #logged: 'nothing' | 'answers' | 'unreachable' = 'nothing'
  /** Count of `/api/ps` answers to the dispatcher. A probe that began before the last of them has older data. */
  #answers = 0
  #stopped = false

  constructor(parts: ProberParts) {
    this.#parts = parts
  }

  get status(): TargetStatus {
    return this.#status
  }

  get slotsTooFew(): boolean {
    return this.#pinning.slotsTooFew
  }

  /** Calls `listener` after each probe and each change of reachability. Returns a function that ends this. */
  onStatus(listener: (status: TargetStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  start(): void {
    void this.probe('start')
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#current
    await this.stopWarming()
  }

  /** Probes now, or joins the probe under way. Never rejects. */
  probe(reason: string): Promise<TargetStatus> {
    this.#current ??= this.#probe(reason).finally(() => {
      this.#current = null
      if (this.#again && !this.#stopped) {
        this.#again = false
        void this.probe('again')
      }
    })
    return this.#current
  }

  /** The resident models may have changed. A probe under way may have asked too early, so another one follows it. */
  soon(reason: string): void {
    if (this.#current !== null) this.#again = true
    else if (!this.#stopped) void this.probe(reason)
  }

  /** Aborts a load of the embedder that is under way. Resolves when the target's connection is free. */
  async stopWarming(): Promise<void> {
    this.#warming?.stop.abort()
    await this.#warming?.done
  }

  /** A pause has ended. */
  resumed(): void {
    this.#isWarmingDue = true
    this.soon('resumed')
  }

  /** The dispatcher or a direct request could not reach the target. */
  sawUnreachable(reason: string): void {
    this.#become({ reachable: false, reason })
  }

  /** The target answered `/api/ps` on the dispatcher's connection. */
  sawAnswer(ps: Buffer): void {
    this.#answers += 1
    const resident = readResident(ps)
    const { inventory } = this.#status
    const wasAway = this.#status.reachable !== true
    const seen: Inventory | null = inventory === null || resident === null ? inventory : { ...inventory, ps, resident }
    this.#become({ reachable: true, reason: null, inventory: seen, resident: resident ?? [] })
    if (wasAway) this.soon('back')
  }

  async #probe(reason: string): Promise<TargetStatus> {
    this.#timer?.cancel()
    const { clock, log, metrics, target } = this.#parts
    const startedAt = clock.monotonic()
    const answers = this.#answers
    const result = await target.probe(DEADLINE_MS)
    metrics.inc('probes', { result: result.kind === 'answered' ? 'answered' : 'unanswered' })
    metrics.observe('probe', (clock.monotonic() - startedAt) / 1000)
    log.trace({ reason, result: result.kind }, 'probe')
    if (this.#stopped) return this.#status
    // A target under load may be slow to list its models while it streams an answer. The bytes of that answer prove
    // that it runs.
    const spoke = target.answeredAt !== null && target.answeredAt > startedAt
    const isUncertain = result.kind === 'unreachable' && spoke
    if (isUncertain) log.debug({ reason: result.reason }, 'a probe failed, but the target sends an answer')
    else this.#take(result, answers !== this.#answers)
    this.#timer?.cancel()
    this.#timer = clock.after(this.#untilNext(isUncertain), () => void this.probe('interval'))
    return this.#status
  }

  #untilNext(isUncertain: boolean): number {
    const { clock, config } = this.#parts
    if (isUncertain) return Math.min(UNCERTAIN_MS, config.pollIntervalMs)
    const resident = this.#status.inventory?.resident ?? []
    const isLeaving = resident.some(({ expiresAt }) => Date.parse(expiresAt) <= clock.now())
    this.#fastProbes = isLeaving ? this.#fastProbes + 1 : 0
    return isLeaving && this.#fastProbes <= MAX_FAST_PROBES
      ? Math.min(LEAVING_MS, config.pollIntervalMs)
      : config.pollIntervalMs
  }

  /** @param isOvertaken the dispatcher got a newer list of resident models since the probe began */
  #take(result: ProbeResult, isOvertaken: boolean): void {
    const { clock, log } = this.#parts
    if (result.kind === 'unreachable') return this.#become({ reachable: false, reason: result.reason })
    if (result.kind === 'foreign') return this.#become({ reachable: false, reason: `not an Ollama: ${result.reason}` })
    const inventory = readInventory(result.snapshot, clock.monotonic(), clock.now())
    if (inventory === null) return this.#become({ reachable: false, reason: 'not an Ollama: no inventory' })
    const known = isOvertaken ? this.#status.inventory : null
    const newest = known === null ? inventory : { ...inventory, ps: known.ps, resident: known.resident }
    this.#become({ reachable: true, reason: null, inventory: newest, resident: newest.resident })
    if (this.#logged === 'answers') return
    this.#logged = 'answers'
    log.info({ version: newest.version }, 'the target answers')
  }

  #become(next: {
    reachable: boolean
    reason: string | null
    inventory?: Inventory | null
    resident?: readonly ResidentModel[]
  }): void {
    const { clock, log, target, awake } = this.#parts
    const before = this.#status
    const changed = before.reachable !== next.reachable
    this.#status = {
      reachable: next.reachable,
      since: changed ? clock.monotonic() : before.since,
      reason: next.reason,
      inventory: next.inventory ?? before.inventory,
    }
    awake.run(next.reachable)
    if (changed && !next.reachable) this.#pinning = { ...this.#pinning, pinned: false }
    // Pooled connections from before a sleep are dead without showing it.
    if (changed && before.reachable === false) target.renewConnections()
    if (!next.reachable && this.#logged !== 'unreachable') {
      this.#logged = 'unreachable'
      log.warn({ reason: next.reason }, 'the target does not answer; jobs wait, inventory is the last one known')
    }
    if (next.resident !== undefined) this.#lookAfterEmbedder(next.resident, changed)
    for (const listener of this.#listeners) listener(this.#status)
  }

  #lookAfterEmbedder(resident: readonly ResidentModel[], isBack: boolean): void {
    const { clock, config, log, metrics, isQuiet, isPaused } = this.#parts
    const { embedModel } = config
    if (embedModel === null) return
    if (isPaused()) {
      // A model that is unloaded during a pause was not evicted by a worker.
      this.#pinning = { ...this.#pinning, pinned: false }
      return
    }
    const before = this.#pinning
    this.#pinning = pinningAfter(before, embedModel, resident, clock.now())
    if (this.#pinning.slotsTooFew && !before.slotsTooFew) {
      metrics.inc('slots')
      log.warn(
        { embedder: embedModel },
        'the target does not hold the embedder and a worker at once: set OLLAMA_MAX_LOADED_MODELS=2 there, or each evicts the other. The embedder is not pinned again until both were resident at once.',
      )
    }
    if (this.#pinning.pinned) this.#warmedAt = null
    if (this.#pinning.pinned || this.#warming !== null || this.#stopped) return
    if (isBack || this.#isWarmingDue || (isQuiet() && !this.#pinning.slotsTooFew && !this.#hasJustWarmed()))
      this.#warm(embedModel)
  }

  /**
   * Whether the embedder was loaded within the last interval. A copy of a model (`ollama cp`) shares the runner of the
   * original and is listed under the original's name, so its pin is never seen: loaded after each answer, it was loaded
   * 200 times a second.
   */
  #hasJustWarmed(): boolean {
    const { clock, config } = this.#parts
    return this.#warmedAt !== null && clock.monotonic() - this.#warmedAt < config.pollIntervalMs
  }

  #warm(model: string): void {
    const { clock, log, target } = this.#parts
    const stop = new AbortController()
    this.#isWarmingDue = false
    const done = target.warm(model, stop.signal).then((ok) => {
      this.#warming = null
      if (!ok) return
      const isFirst = this.#warmedAt === null
      this.#warmedAt = clock.monotonic()
      log[isFirst ? 'info' : 'debug']({ embedder: model }, 'embedder loaded and pinned')
      this.soon('embedder warmed')
    })
    this.#warming = { done, stop }
  }
}
