// Pause of the queue: begins it, ends it when its time is over, and unloads the target's models meanwhile. It sends no
// job. The dispatcher's loop calls `unload` between two jobs, so that an unload never overlaps with a job.

import { readResident } from '../domain/inventory.ts'
import { type Pause, type PauseRequest, pauseAfter, pauseLeftMs, type UnloadReport } from '../domain/pause.ts'
import type { Target } from '../ollama/target.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { Wakeup } from '../runtime/wakeup.ts'
import type { Store } from '../sqlite/store.ts'

/** Timers stop while this machine sleeps, and its clock may be set, so the end of a pause is checked this often. */
const AT_LEAST_EVERY_MS = 60_000
/** The wall deadline is rewritten if it is off the monotonic one by more than this. */
const SKEW_MS = 1_000
/**
 * Ollama 0.17.4 lists a model for up to a second after it was unloaded. A model in use is listed until that use ends.
 */
const LOOK_AGAIN_MS = 500
const MAX_LOOKS = 12
const ASK_DEADLINE_MS = 5_000
/** How often an unreachable target is asked again. */
const ASK_EVERY_MS = 2_000

export interface PausingParts {
  readonly clock: Clock
  readonly log: Log
  readonly store: Pick<Store, 'setPause'>
  readonly target: Pick<Target, 'ping' | 'unload'>
  readonly prober: {
    sawAnswer(ps: Buffer): void
    sawUnreachable(reason: string): void
    /** Aborts a load of the embedder that is under way. */
    stopWarming(): Promise<void>
    /** The pause has ended: the embedder may be loaded. */
    resumed(): void
  }
  /** Wakes the dispatcher's loop. */
  readonly wake: () => void
}

export class Pausing {
  readonly #parts: PausingParts
  /** Wakes the wait for a model to be unloaded. */
  readonly #wakeup: Wakeup
  #pause: Pause | null = null
  /** Clock.monotonic() at the end of the pause; null if it has no end. */
  #endsAt: number | null = null
  #timer: { cancel(): void } | null = null
  /** Report of the current or the last pause. */
  #report: UnloadReport | null = null
  /** Calls that wait for the report of an unload. */
  #waiting: (() => void)[] = []
  /** Pauses and resumes run one after the other, so that memory and disk agree on the last one. */
  #changes: Promise<unknown> = Promise.resolve()
  #askAgain: { cancel(): void } | null = null
  /** Counts starts and ends of pauses: an unload belongs to one pause. */
  #epoch = 0
  #stopped = false

  constructor(parts: PausingParts) {
    this.#parts = parts
    this.#wakeup = new Wakeup(parts.clock)
  }

  get current(): Pause | null {
    return this.#pause
  }

  /** Result of the unload; null if none was asked for. */
  get report(): UnloadReport | null {
    return this.#report
  }

  get isUnloadDue(): boolean {
    return this.#pause?.unload === true && this.#askAgain === null && !this.#stopped
  }

  /** @param remembered the pause that the store kept */
  start(remembered: Pause | null): void {
    if (remembered === null) return
    const { clock, log } = this.#parts
    this.#begin({ ...remembered, since: remembered.since === 0 ? clock.now() : remembered.since })
    if (this.#pause !== null) log.info(this.#shown, 'still paused: nothing new is sent')
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#askAgain?.cancel()
    if (this.#report?.state === 'pending') this.#report = { ...this.#report, reason: 'foreman is stopping' }
    this.#wakeup.wake()
    this.#tell()
  }

  /** Resolves when the pause is saved. */
  async pause(request: PauseRequest): Promise<void> {
    await this.#inTurn(async () => {
      const { store, clock, log } = this.#parts
      // In memory first: nothing new is sent after this line.
      this.#begin(pauseAfter(this.#pause, request, clock.now()))
      await store.setPause(this.#pause)
      log.info(this.#shown, 'paused: nothing new is sent until `foreman resume`')
    })
    this.#parts.wake()
  }

  /** Resolves when the unload is done, the target does not answer, or the pause has ended. */
  unloadReported(): Promise<void> {
    if (this.#report?.state !== 'pending' || this.#report.reason !== null || this.#stopped) return Promise.resolve()
    return new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  async resume(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#parts.store.setPause(null)
      if (this.#pause !== null) this.#end('resumed')
    })
  }

  /** Unloads the target's models. Only the dispatcher's loop calls it, while no job is at the target. Never rejects. */
  async unload(): Promise<void> {
    const { log, prober } = this.#parts
    const epoch = this.#epoch
    try {
      await prober.stopWarming()
      const report = await this.#unloadAll(epoch)
      // Another pause began, or this one ended: the report would be about the wrong pause.
      if (this.#pause === null || this.#epoch !== epoch) return
      this.#report = report
      if (report.state === 'pending') this.#askLater()
      else {
        log.info(report, report.state === 'done' ? 'the target holds no model' : 'the target still holds models')
        this.#keep({ ...this.#pause, unload: false })
      }
    } catch (error) {
      log.error({ err: error }, 'unexpected error while models were unloaded; trying again')
      this.#askLater()
    }
    if (this.#epoch === epoch) this.#tell()
  }

  /** Returns early, between two requests, when the pause of `epoch` is over. */
  async #unloadAll(epoch: number): Promise<UnloadReport> {
    const isWanted = (): boolean => this.#epoch === epoch && !this.#stopped
    const asked = new Map<string, string | null>()
    let resident = await this.#resident()
    for (let looks = 1; ; looks++) {
      if (typeof resident === 'string') {
        return { state: 'pending', unloaded: [], resident: [], reason: resident }
      }
      for (const model of resident) {
        if (isWanted() && !asked.has(model)) asked.set(model, await this.#parts.target.unload(model))
      }
      if (resident.length === 0 || looks >= MAX_LOOKS || !isWanted()) return reportOf(asked, resident)
      if (looks > 1) await this.#rest()
      resident = await this.#resident()
    }
  }

  /** Returns the models that `/api/ps` lists now, or the reason why they are unknown. */
  async #resident(): Promise<readonly string[] | string> {
    const { target, prober } = this.#parts
    const pinged = await target.ping(ASK_DEADLINE_MS)
    if (pinged.kind === 'unreachable') {
      prober.sawUnreachable(pinged.reason)
      return pinged.reason
    }
    prober.sawAnswer(pinged.ps)
    return (readResident(pinged.ps) ?? []).map(({ name }) => name)
  }

  #rest(): Promise<void> {
    this.#wakeup.wakeIn(LOOK_AGAIN_MS)
    return this.#wakeup.wait()
  }

  #begin(pause: Pause): void {
    const { clock } = this.#parts
    const leftMs = pauseLeftMs(pause, clock.now())
    this.#epoch += 1
    this.#pause = pause
    this.#report = pause.unload ? { state: 'pending', unloaded: [], resident: [], reason: null } : null
    this.#endsAt = leftMs === null ? null : clock.monotonic() + leftMs
    this.#askAgain?.cancel()
    this.#askAgain = null
    this.#wakeup.wake()
    void this.#parts.prober.stopWarming()
    this.#look()
  }

  /**
   * Ends the pause if its time is over by either clock: the wall clock, which ran on while this machine slept, or the
   * monotonic one.
   */
  #look(): void {
    this.#timer?.cancel()
    const { clock, log, store } = this.#parts
    const pause = this.#pause
    if (pause?.until === null || pause === null || this.#endsAt === null || this.#stopped) return
    const steadyMs = this.#endsAt - clock.monotonic()
    const leftMs = Math.min(pauseLeftMs(pause, clock.now()) ?? steadyMs, steadyMs)
    if (leftMs <= 0) {
      // In memory first: if this is never saved, the next start finds that the time is over.
      this.#end('its time is over')
      this.#inTurn(async () => {
        if (this.#pause === null) await store.setPause(null)
      }).catch((error: unknown) => log.error({ err: error }, 'the end of the pause could not be saved'))
      return
    }
    // The clock was set back, so the saved deadline would be too late.
    if (pause.until - clock.now() > leftMs + SKEW_MS) this.#keep({ ...pause, until: Math.round(clock.now() + leftMs) })
    this.#timer = clock.after(Math.min(leftMs, AT_LEAST_EVERY_MS), () => this.#look())
  }

  /** Changes the current pause, in memory at once and then on disk, unless another change was faster. */
  #keep(changed: Pause): void {
    this.#pause = changed
    this.#inTurn(async () => {
      if (this.#pause === changed) await this.#parts.store.setPause(changed)
    }).catch((error: unknown) => this.#parts.log.error({ err: error }, 'a change of the pause could not be saved'))
  }

  #end(why: string): void {
    const { log, prober, wake } = this.#parts
    this.#timer?.cancel()
    this.#askAgain?.cancel()
    this.#askAgain = null
    this.#epoch += 1
    this.#pause = null
    this.#endsAt = null
    if (this.#report?.state === 'pending')
      this.#report = { ...this.#report, state: 'given_up', reason: 'the pause ended first' }
    this.#wakeup.wake()
    this.#tell()
    log.info({ why }, 'resumed')
    prober.resumed()
    wake()
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #askLater(): void {
    this.#askAgain?.cancel()
    this.#askAgain = this.#parts.clock.after(ASK_EVERY_MS, () => {
      this.#askAgain = null
      this.#parts.wake()
    })
  }

  get #shown(): { readonly since: string | null; readonly until: string | null } {
    const iso = (at: number | null | undefined): string | null => (at == null ? null : new Date(at).toISOString())
    return { since: iso(this.#pause?.since), until: iso(this.#pause?.until) }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(change)
    this.#changes = done.catch(() => undefined)
    return done
  }
}

function reportOf(asked: ReadonlyMap<string, string | null>, resident: readonly string[]): UnloadReport {
  const unloaded = [...asked.keys()].filter((model) => !resident.includes(model))
  if (resident.length === 0) return { state: 'done', unloaded, resident, reason: null }
  const [failure] = resident.flatMap((model) => asked.get(model) ?? [])
  return { state: 'incomplete', unloaded, resident, reason: failure ?? 'in use, or loaded again meanwhile' }
}
