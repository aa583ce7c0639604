// Dispatcher: the one loop that sends jobs. It asks the target, claims a job, runs it, saves the outcome, and starts
// again; always one job at a time. An unexpected error is logged, its job is failed, and the loop continues. It knows
// nothing of HTTP callers.

import { type ErrorCode, errorMessage } from '../../protocol/error.ts'
import { CLOUD_AFFINITY, NOTHING_RESIDENT, type Residency, residencyAfter, type Turn } from '../domain/affinity.ts'
import type { StopReason } from '../domain/attempt.ts'
import type { RunTimes } from '../domain/eta.ts'
import { readResident } from '../domain/inventory.ts'
import type { Job } from '../domain/job.ts'
import type { LoadCounters } from '../domain/load-counters.ts'
import type { Aliases } from '../domain/model-facts.ts'
import type { ResidentModel } from '../domain/target-status.ts'
import type { QueueCondition } from '../domain/wait-reason.ts'
import type { Target } from '../ollama/target.ts'
import type { AwakeClock } from '../runtime/clock.ts'
import type { OnStep } from '../runtime/step.ts'
import { WorkLoop } from '../runtime/wakeup.ts'
import type { JobChange, PastRun, QueueState, Store } from '../sqlite/store.ts'
import { AttemptCompleter, type AttemptCompleterParts, sentLine } from './attempt-completer.ts'
import { type AnswerSoFar, Attempt, type RunningJob } from './attempt-run.ts'
import { bodyToSend, mayChangeResident } from './body-to-send.ts'
import { Cancellation, type CancelResult, type StopResult } from './cancellation.ts'
import { Pausing } from './pausing.ts'
import { watch } from './watchdog.ts'

/** Maximum age of the target's last answer, and of the last `/api/ps`, for a claim without asking again. */
const FRESH_MS = 1_000
/** How often an unreachable target is asked while jobs wait. */
const ASK_EVERY_MS = 2_000
/** Deadline of that request: an open connection to a sleeping machine never answers. */
const ASK_DEADLINE_MS = 5_000
/** After this long without an answer, the target is reported as unreachable, before the deadline has passed. */
const SLOW_ANSWER_MS = 1_000

export interface DispatcherParts extends AttemptCompleterParts {
  readonly target: Target
  readonly awake: AwakeClock
  readonly aliases?: Aliases
  readonly onStep?: OnStep
}

export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #loop: WorkLoop
  readonly #completer: AttemptCompleter
  readonly loads: Omit<LoadCounters, 'count'>
  readonly runTimes: RunTimes
  readonly #cancellation: Cancellation
  #run: Attempt | null = null
  readonly pausing: Pausing
  /** The grace of a stop is over: a job that is sent from here on is stopped at once. */
  #graceOver = false
  /** The target must be asked before the next claim, because the last connection broke. */
  #mustAsk = true
  #lastSent: string | null = null
  /** Wall ms of the last swap. */
  #swappedAt: number | null = null
  /** Wall ms since when the disk has no room for a claim; null if it has. */
  #storageFullSince: number | null = null
  /** Clock.monotonic() when the pending ping was sent; null if none is pending. */
  #askingSince: number | null = null
  /** Wall ms of the end of the last run. */
  #idleSince: number | null = null
  #residency: Residency = NOTHING_RESIDENT
  /** What `/api/ps` showed last, and Clock.monotonic() of that. `#lookedAt` is null if it is out of date. */
  #resident: readonly ResidentModel[] = []
  #lookedAt: number | null = null

  constructor(parts: DispatcherParts) {
    const { clock, store, relay, log, target, prober } = parts
    this.#parts = parts
    const work = async (): Promise<void> => {
      await this.#drain()
      while (this.pausing.isUnloadDue) await this.pausing.unload()
    }
    this.#loop = new WorkLoop({ clock, log, name: 'dispatcher', retryMs: ASK_EVERY_MS, work })
    this.#completer = new AttemptCompleter(parts)
    this.loads = this.#completer.loads
    this.runTimes = this.#completer.runTimes
    this.pausing = new Pausing({ clock, log, store, target, prober, wake: () => this.wake() })
    this.#cancellation = new Cancellation({
      clock,
      store,
      relay,
      completer: this.#completer,
      stopRunning: (id, reason, limit) => this.stopRunning(id, reason, limit),
    })
  }

  get paused(): boolean {
    return this.pausing.current !== null
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
      pause: this.pausing.current,
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

  /**
   * @param remembered state that the store kept from earlier processes
   * @param runs run times of earlier jobs
   */
  start(remembered: Pick<QueueState, 'pause' | 'lastAffinity' | 'swappedAt'>, runs: readonly PastRun[]): void {
    this.#completer.recall(runs)
    this.pausing.start(remembered.pause)
    this.#lastSent = remembered.lastAffinity
    this.#swappedAt = remembered.swappedAt
    this.#loop.start()
    this.wake()
  }

  wake(): void {
    this.#loop.wake()
  }

  /** Stops the running job, unless its answer is known to be complete. */
  stopRunning(id: string, reason: StopReason, limit?: string): StopResult {
    if (this.#run?.job.id !== id) return 'not_running'
    return this.#run.stop(reason, limit) ? 'stopping' : 'answered'
  }

  /** Cancels a job, waiting call or async. */
  cancel(id: string): Promise<CancelResult> {
    const error = { code: 'cancelled', message: errorMessage('cancelled'), status: null } as const
    return this.#cancellation.cancel(id, error, 'cancelled')
  }

  /** Ends a job whose deadline has passed. */
  endOverdue(id: string, code: 'start_before_passed' | 'finish_before_passed', limit: string): Promise<CancelResult> {
    const error = { code, message: errorMessage(code, { limit }), status: null }
    // It was claimed since the check, so it has started in time.
    if (code === 'start_before_passed' && this.#run?.job.id === id) return Promise.resolve('over')
    return this.#cancellation.cancel(id, error, code, limit)
  }

  /** An async job was saved in the queue. */
  enqueued(job: Job): void {
    this.#parts.onStep?.('submitted', job.id)
    this.#completer.announce(job, null, job.createdAt)
    this.wake()
  }

  /** Ends a waiting job whose caller is gone or must not wait longer. Returns false if it does not wait any more. */
  endWaiting(id: string, event: 'cancelled' | 'unreachable_too_long', code: ErrorCode): Promise<boolean> {
    const error = { code, message: errorMessage(code), status: null }
    return this.#completer.write({ id, event, now: this.#parts.clock.now(), error })
  }

  /** A probe has shown which models are resident. */
  sawResident(models: readonly string[]): void {
    this.#residency = residencyAfter(models, this.#lastSent, this.#parts.config.embedModel, this.#parts.aliases)
  }

  /**
   * Sends nothing new, and gives the running job `graceMs` to end by itself before it is stopped. Safe to call twice.
   */
  async stop(graceMs: number): Promise<void> {
    this.pausing.stop()
    const ended = this.#loop.stop()
    // This also stops a job whose claim is on its way back now: it gets the same grace.
    const timer = this.#parts.clock.after(graceMs, () => this.stopAtOnce())
    await ended
    timer.cancel()
  }

  /** Stops the running job at once, without grace (second signal). */
  stopAtOnce(): void {
    this.#graceOver = true
    this.#run?.stop('shutting_down')
  }

  get #idle(): boolean {
    return this.#loop.isStopping || this.paused || this.#parts.store.depth.jobs === 0
  }

  /**
   * Sends waiting jobs, one after the other:
   * 1. Nothing to send (stopping, paused or an empty queue): sleep until woken.
   * 2. The target does not answer: sleep 2 s, then ask again.
   * 3. The claim returns no job: sleep until the earliest backoff ends, or until woken. The disk may be too full for a claim.
   * 4. The claim returns a job: note a swap and the affinity, run the job to its end, and start again at 1.
   */
  async #drain(): Promise<void> {
    const { clock } = this.#parts
    // 1.
    while (!this.#idle) {
      // 2.
      if (!(await this.#targetAnswers())) return this.#loop.wakeIn(ASK_EVERY_MS)
      if (this.#idle) return
      const claim = await this.#claim()
      // 3.
      if (claim.kind === 'empty') {
        if (claim.availableAt !== null) this.#loop.wakeIn(claim.availableAt - clock.now())
        return
      }
      // 4.
      if (claim.swapped) this.#swappedAt = claim.job.claimedAt
      if (claim.job.affinity !== CLOUD_AFFINITY) {
        this.#lastSent = claim.job.affinity
        this.#residency = { ...this.#residency, affinity: claim.job.affinity }
      }
      await this.#attempt(claim.job, claim.body, claim.swapped)
    }
  }

  async #claim(): ReturnType<Store['claim']> {
    const { clock, store, config, awake } = this.#parts
    this.#cancellation.claiming()
    const claim = await store.claim({
      now: clock.now(),
      awake: awake.now,
      residency: this.#residency,
      drainLimitMs: config.drainLimitMs,
    })
    const isFull = claim.kind === 'empty' && claim.isStorageFull === true
    this.#storageFullSince = isFull ? (this.#storageFullSince ?? clock.now()) : null
    return claim
  }

  /** Returns whether the target has answered within the last second, or answers now, on the connection for jobs. */
  async #targetAnswers(): Promise<boolean> {
    const { clock, target, prober } = this.#parts
    const isFresh = (at: number | null): boolean => at !== null && clock.monotonic() - at <= FRESH_MS
    // The resident models decide which job is next, and whether a keep_alive is added.
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
    // The saved time, so that live watchers and later readers see the same one.
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
        metrics.add('relayed', count)
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
      log.error({ err: error, job: job.id }, 'unexpected error during an attempt')
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
    metrics.observe('firstByte', (clock.monotonic() - run.startedAt) / 1000, { model: job.model })
    if (job.state === 'loading') {
      const now = clock.now()
      const change: JobChange = { id: job.id, event: 'first_byte', now }
      const written = store.apply(change)
      written.then(
        () => job.options.webhookUrl !== null && deliverer.wake(),
        (error: unknown) => log.error({ err: error, job: job.id }, 'the first byte could not be saved'),
      )
      // Watchers are notified before it is saved: the first record follows within this call.
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
