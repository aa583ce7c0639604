// Owns the one loop that sends jobs: asks the target, claims, runs, writes the verdict, again. One job at a time, always.
// It never dies: whatever happens is logged, the job is marked, the loop goes on. It knows no HTTP and no caller.

import { type ErrorCode, errorMessage } from '../../protocol/error.ts'
import { CLOUD_AFFINITY, NOTHING_RESIDENT, type Residency, residencyAfter, type Turn } from '../domain/affinity.ts'
import type { StopReason } from '../domain/attempt.ts'
import type { RunTimes } from '../domain/eta.ts'
import { readResident } from '../domain/inventory.ts'
import type { Job } from '../domain/job.ts'
import type { LoadCounts } from '../domain/load-counters.ts'
import type { Aliases } from '../domain/model-facts.ts'
import type { Pause, PauseRequest, UnloadReport } from '../domain/pause.ts'
import type { ResidentModel } from '../domain/target-status.ts'
import type { QueueCondition } from '../domain/wait-reason.ts'
import type { Target } from '../ollama/target.ts'
import type { AwakeClock } from '../runtime/awake-clock.ts'
import type { OnStep } from '../runtime/step.ts'
import { Wakeup } from '../runtime/wakeup.ts'
import type { JobChange, PastRun, QueueState } from '../sqlite/store.ts'
import { AttemptCompleter, type AttemptCompleterParts, sentLine } from './attempt-completer.ts'
import { type AnswerSoFar, Attempt, type RunningJob } from './attempt-run.ts'
import { bodyToSend, mayChangeResident } from './body-to-send.ts'
import { Cancellation, type CancelResult, type StopResult } from './cancellation.ts'
import { Pausing } from './pausing.ts'
import { watch } from './watchdog.ts'

/** An answer of the target this young needs no asking before the next claim; nor does a look at what it holds. */
const FRESH_MS = 1_000
/** How often an unreachable target is asked while work waits. */
const ASK_EVERY_MS = 2_000
/** How long the question may take: a sleeping machine's open connection never answers. */
const ASK_DEADLINE_MS = 5_000
/** A target that has not answered for this long is said not to answer, before the deadline has passed. */
const SLOW_ANSWER_MS = 1_000

export interface DispatcherParts extends AttemptCompleterParts {
  readonly target: Target
  readonly awake: AwakeClock
  readonly aliases?: Aliases
  readonly onStep?: OnStep
}

export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #wakeup: Wakeup
  readonly #completer: AttemptCompleter
  readonly loads: LoadCounts
  readonly #cancellation: Cancellation
  #loop: Promise<void> | null = null
  #run: Attempt | null = null
  readonly #pausing: Pausing
  #stopping = false
  /** Whatever is sent from here on ends at once. */
  #graceOver = false
  /** The next claim must ask first, however young the last answer is: the last connection broke. */
  #mustAsk = true
  #lastSent: string | null = null
  /** Wall ms of the last swap. */
  #swappedAt: number | null = null
  /** Wall ms since which claims have found no room on the disk. */
  #storageFullSince: number | null = null
  /** Clock.monotonic() at which the target was asked whether it answers, while it is asked. */
  #askingSince: number | null = null
  /** Wall ms of the end of the last run. */
  #idleSince: number | null = null
  #residency: Residency = NOTHING_RESIDENT
  /** What `/api/ps` showed last, and Clock.monotonic() of that; null: what it showed is out of date. */
  #resident: readonly ResidentModel[] = []
  #lookedAt: number | null = null

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#wakeup = new Wakeup(parts.clock)
    this.#completer = new AttemptCompleter(parts)
    this.loads = this.#completer.loads
    const { clock, store, relay, log, target, prober } = parts
    this.#pausing = new Pausing({ clock, log, store, target, prober, wake: () => this.wake() })
    this.#cancellation = new Cancellation({
      ...{ clock, store, relay, completer: this.#completer },
      stopRunning: (id, reason, limit) => this.stopRunning(id, reason, limit),
    })
  }

  get paused(): boolean {
    return this.#pausing.current !== null
  }

  get pauseNow(): Pause | null {
    return this.#pausing.current
  }

  get unloadReport(): UnloadReport | null {
    return this.#pausing.report
  }

  get recentRunMs(): number | null {
    return this.#completer.recentRunMs
  }

  get runTimes(): RunTimes {
    return this.#completer.runTimes
  }

  get residency(): Turn {
    const { config, awake } = this.#parts
    return { ...this.#residency, drain: { limitMs: config.drainLimitMs, awakeNow: awake.now } }
  }

  get condition(): QueueCondition {
    const now = this.#parts.clock.now()
    const { job } = this.#run ?? { job: null }
    return {
      now,
      pause: this.#pausing.current,
      storageFullSince: this.#storageFullSince,
      unreachableSince: this.#unreachableSince(now),
      swappedAt: this.#swappedAt,
      running: job === null ? null : { jobId: job.id, since: job.claimedAt ?? now },
      idleSince: this.#idleSince,
    }
  }

  #unreachableSince(now: number): number | null {
    const { clock, prober } = this.#parts
    const agoMs = (since: number): number => clock.monotonic() - since
    const { reachable, since } = prober.status
    if (reachable === false) return Math.round(now - agoMs(since))
    const isSlow = this.#askingSince !== null && agoMs(this.#askingSince) >= SLOW_ANSWER_MS
    return isSlow && this.#askingSince !== null ? Math.round(now - agoMs(this.#askingSince)) : null
  }

  answerSoFar(id: string): AnswerSoFar | null {
    return this.#run?.job.id === id && this.#run.job.caller === 'none' ? this.#run.answerSoFar : null
  }

  get running(): RunningJob | null {
    if (this.#run === null) return null
    const { job, bytes, heardAt, working } = this.#run
    return {
      job: working ? { ...job, state: 'working' } : job,
      bytes,
      silentMs: Math.round(this.#parts.clock.monotonic() - heardAt),
    }
  }

  /** @param remembered what the store kept of an earlier life; `runs`: what jobs took then */
  start(remembered: Pick<QueueState, 'pause' | 'lastAffinity' | 'swappedAt'>, runs: readonly PastRun[]): void {
    this.#completer.recall(runs)
    this.#pausing.start(remembered.pause)
    this.#lastSent = remembered.lastAffinity
    this.#swappedAt = remembered.swappedAt
    this.#loop ??= this.#forEver()
    this.wake()
  }

  wake(): void {
    this.#wakeup.wake()
  }

  pause(request: PauseRequest): Promise<void> {
    return this.#pausing.pause(request)
  }

  unloadReported(): Promise<void> {
    return this.#pausing.unloadReported()
  }

  resume(): Promise<void> {
    return this.#pausing.resume()
  }

  /** Ends a running job from our side, unless its answer is known to be whole already. */
  stopRunning(id: string, reason: StopReason, limit?: string): StopResult {
    if (this.#run?.job.id !== id) return 'not_running'
    return this.#run.stop(reason, limit) ? 'stopping' : 'answered'
  }

  /** Ends a job by a call, whoever submitted it. */
  cancel(id: string): Promise<CancelResult> {
    const error = { code: 'cancelled', message: errorMessage('cancelled'), status: null } as const
    return this.#cancellation.cancel(id, error, 'cancelled')
  }

  /** Ends a job whose deadline has passed. */
  endOverdue(id: string, code: 'start_before_passed' | 'finish_before_passed', limit: string): Promise<CancelResult> {
    const error = { code, message: errorMessage(code, { limit }), status: null }
    // Claimed since somebody looked: then it has started in time.
    if (code === 'start_before_passed' && this.#run?.job.id === id) return Promise.resolve('over')
    return this.#cancellation.cancel(id, error, code, limit)
  }

  /** An async job was written to the queue. */
  enqueued(job: Job): void {
    this.#parts.onStep?.('submitted', job.id)
    this.#completer.announce(job, null, job.createdAt)
    this.wake()
  }

  /** Ends a job that still waits; its caller is gone, or must not wait on. False: it waits no longer. */
  endWaiting(id: string, event: 'cancelled' | 'unreachable_too_long', code: ErrorCode): Promise<boolean> {
    const error = { code, message: errorMessage(code), status: null }
    return this.#completer.write({ id, event, now: this.#parts.clock.now(), error })
  }

  /** A probe has shown what the target holds. */
  sawResident(models: readonly string[]): void {
    this.#residency = residencyAfter(models, this.#lastSent, this.#parts.config.embedModel, this.#parts.aliases)
  }

  /** Sends nothing new; gives the running job `graceMs` to end by itself, then ends it. Safe twice. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    this.#pausing.stop()
    this.wake()
    // Not the run of this moment: a claim may be on its way back, and its job gets the same grace.
    const timer = this.#parts.clock.after(graceMs, () => this.stopAtOnce())
    await this.#loop
    timer.cancel()
  }

  /** The second signal: the running job ends now. */
  stopAtOnce(): void {
    this.#graceOver = true
    this.#run?.stop('shutting_down')
  }

  async #forEver(): Promise<void> {
    while (!this.#stopping) {
      await this.#wakeup.wait()
      try {
        await this.#drain()
        while (this.#pausing.isUnloadDue) await this.#pausing.unload()
      } catch (error) {
        this.#parts.log.error({ err: error }, 'the dispatcher met something unexpected; it goes on')
        this.#wakeup.wakeIn(ASK_EVERY_MS)
      }
    }
  }

  get #idle(): boolean {
    return this.#stopping || this.paused || this.#parts.store.depth.jobs === 0
  }

  async #drain(): Promise<void> {
    const { clock, store, config, awake } = this.#parts
    while (!this.#idle) {
      if (!(await this.#targetAnswers())) return this.#wakeup.wakeIn(ASK_EVERY_MS)
      if (this.#idle) return
      this.#cancellation.claiming()
      const claim = await store.claim({
        now: clock.now(),
        awake: awake.now,
        residency: this.#residency,
        drainLimitMs: config.drainLimitMs,
      })
      this.#storageFullSince =
        claim.kind === 'empty' && claim.isStorageFull === true ? (this.#storageFullSince ?? clock.now()) : null
      if (claim.kind === 'empty') {
        if (claim.availableAt !== null) this.#wakeup.wakeIn(claim.availableAt - clock.now())
        return
      }
      if (claim.swapped) this.#swappedAt = claim.job.claimedAt
      if (claim.job.affinity !== CLOUD_AFFINITY) {
        this.#lastSent = claim.job.affinity
        this.#residency = { ...this.#residency, affinity: claim.job.affinity }
      }
      await this.#attempt(claim.job, claim.body, claim.swapped)
    }
  }

  /** Whether the target has answered within the last second, or answers now, on the connection that will be used. */
  async #targetAnswers(): Promise<boolean> {
    const { clock, target, prober } = this.#parts
    const isFresh = (at: number | null): boolean => at !== null && clock.monotonic() - at <= FRESH_MS
    // Whose turn it is, and whether a keep_alive is put in, follow from what the target holds now.
    if (!this.#mustAsk && isFresh(target.answeredAt) && isFresh(this.#lookedAt)) return true
    this.#askingSince = clock.monotonic()
    const pinged = await target.ping(ASK_DEADLINE_MS).finally(() => {
      this.#askingSince = null
    })
    if (pinged.kind === 'unreachable') {
      prober.sawUnreachable(pinged.reason)
      return false
    }
    this.#mustAsk = false
    this.#resident = readResident(pinged.ps) ?? []
    this.#lookedAt = clock.monotonic()
    prober.sawAnswer(pinged.ps)
    return true
  }

  async #attempt(job: Job, body: Uint8Array, swapped: boolean): Promise<void> {
    const { config, clock, log, metrics, target, relay, onStep } = this.#parts
    onStep?.('claimed', job.id)
    // The time that is written down, so that who hears it live and who reads it later are told the same.
    this.#completer.announce(job, 'queued', job.claimedAt ?? clock.now())
    const caught = this.#cancellation.caught(job.id)
    if (caught !== null && (await caught)) return
    if (job.caller === 'live' && !relay.isHeard(job.id)) {
      await this.endWaiting(job.id, 'cancelled', 'caller_gone')
      return
    }
    const run = new Attempt(job, {
      clock,
      target,
      relay,
      maxAnswer: config.maxAnswer,
      onFirstByte: () => this.#firstByte(run),
      onBytes: (count) => {
        metrics.relayed(count)
        onStep?.('streaming', job.id)
      },
    })
    this.#run = run
    if (this.#graceOver) run.stop('shutting_down')
    metrics.jobSent(job, clock.now())
    log.info(sentLine(job, swapped), swapped ? 'job sent, after a swap of models' : 'job sent')
    const watched = watch(run, target, clock, config)
    try {
      if (mayChangeResident(job)) this.#lookedAt = null
      const toSend = bodyToSend(job, body, config.keepAlive, this.#resident, clock.now())
      const sent = run.send(toSend instanceof Uint8Array ? toSend : await toSend)
      onStep?.('sent', job.id)
      const outcome = await sent
      onStep?.('answered', job.id)
      const { mustAsk } = await this.#completer.complete(run, outcome)
      if (mustAsk) this.#mustAsk = true
    } catch (error) {
      log.error({ err: error, job: job.id }, 'an attempt failed in an unexpected way')
      run.stop('cancelled')
      await this.#completer.fail(run, error)
    } finally {
      watched.stop()
      this.#run = null
      this.#idleSince = clock.now()
    }
    onStep?.('applied', job.id)
  }

  #firstByte(run: Attempt): void {
    const { clock, store, metrics, prober, log, relay, deliverer, onStep } = this.#parts
    const { job } = run
    metrics.firstByte(job.model, (clock.monotonic() - run.startedAt) / 1000)
    if (job.state === 'loading') {
      const now = clock.now()
      const change: JobChange = { id: job.id, event: 'first_byte', now }
      const written = store.apply(change)
      written.then(
        () => job.wishes.webhookUrl !== null && deliverer.wake(),
        (error: unknown) => log.error({ err: error, job: job.id }, 'first byte not written'),
      )
      // Told before it is written: the first record follows in this very turn.
      const { changes, attempt } = job
      const working = {
        number: changes + 1,
        state: 'working',
        previous: 'loading',
        attempt,
        at: now,
        error: null,
      } as const
      relay.changed(job.id, working)
      prober.soon('load')
    }
    onStep?.('first_byte', job.id)
  }
}
