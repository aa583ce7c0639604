// Owns the end of an attempt: the verdict is decided, written, and told to whoever listens, in that order. What a caller
// reads as the end is true in the database already. It sends nothing and claims nothing.

import { errorMessage } from '../../protocol/error.ts'
import type { Config } from '../config/config.ts'
import { CLOUD_AFFINITY } from '../domain/affinity.ts'
import { type AttemptOutcome, type Decision, decide } from '../domain/attempt.ts'
import { createRunTimes, type RunTimes } from '../domain/eta.ts'
import { isFinal, type Job, type JobError, type State, TRANSITIONS } from '../domain/job.ts'
import { hasLoaded, LoadCounters } from '../domain/load-counters.ts'
import { knownReason } from '../domain/target-text.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Relay } from '../runtime/relay.ts'
import type { JobChange, PastRun, Store } from '../sqlite/store.ts'
import type { Attempt } from './attempt-run.ts'
import type { Prober } from './prober.ts'

export interface AttemptCompleterParts {
  readonly config: Config
  readonly clock: Clock
  /** 0 ≤ random < 1. */
  readonly random: () => number
  readonly log: Log
  readonly metrics: Metrics
  readonly store: Store
  readonly relay: Relay
  readonly prober: Prober
  /** A webhook may have become due. */
  readonly deliverer: { wake(): void }
}

export class AttemptCompleter {
  readonly #parts: AttemptCompleterParts
  /** What a job has taken lately, ms, the last fifth weighing most; null while none was done. */
  recentRunMs: number | null = null
  readonly runTimes: RunTimes = createRunTimes()
  readonly loads = new LoadCounters()

  constructor(parts: AttemptCompleterParts) {
    this.#parts = parts
  }

  /** `mustAsk`: the connection broke, so that the target must answer before the next claim. */
  async complete(run: Attempt, outcome: AttemptOutcome): Promise<{ readonly mustAsk: boolean }> {
    const { clock, config, random, metrics, prober, log } = this.#parts
    const { job } = run
    if (outcome.kind === 'lost') prober.soon('connection lost')
    const context = { now: clock.now(), maxAttempts: config.maxAttempts, delivered: run.delivered, random: random() }
    const decision = decide(outcome, job, context)
    const { event, error } = decision
    metrics.attempt(event)
    if (event === 'completed') {
      const loadMs = job.state === 'loading' ? (run.measured.loadMs ?? null) : null
      this.#learn({ affinity: job.affinity, ms: clock.monotonic() - run.startedAt, loadMs })
      this.#countLoad(run)
    }
    const isLast = isFinal(TRANSITIONS[event].to)
    // The end of the job is logged when it is written.
    if (!isLast) {
      const told = { job: job.id, model: job.model, attempt: job.attempt, event, error: loggedError(error) }
      log.warn(told, `attempt failed, the job waits to be sent again: ${reasonOf(error) ?? event}`)
    }
    // A held answer goes out if it is whole, or the target's own error; a bad one does not.
    if (isLast && (event === 'completed' || outcome.kind === 'http_error')) run.release()
    await this.write(this.#changeOf(run, decision))
    if (isLast) this.#tell(run, outcome, decision)
    return { mustAsk: outcome.kind === 'lost' || outcome.kind === 'stopped' }
  }

  /** Something threw that must not: the job is failed, so that it cannot do so for ever. */
  async fail(run: Attempt, cause: unknown): Promise<void> {
    const message = errorMessage('internal', { detail: 'see the log' })
    const error = { code: 'internal', message, status: null } as const
    this.#parts.log.error({ err: cause, job: run.job.id }, 'marked as failed')
    await this.write({ id: run.job.id, event: 'target_error', now: this.#parts.clock.now(), error })
    this.#parts.relay.ended(run.job.id, { kind: 'failed', event: 'target_error', error, recorded: false })
  }

  /** False: the job was not in a state that the event leaves; whoever was first has said how it ended. */
  async write(change: JobChange): Promise<boolean> {
    const { store, log, metrics } = this.#parts
    const result = await store.apply(change)
    if (result.kind === 'conflict') {
      log.debug({ job: change.id, event: change.event }, 'the job was no longer in a state that this leaves')
      return false
    }
    this.announce(result.job, result.previous, change.now)
    if (isFinal(result.job.state)) {
      metrics.jobEnded(result.job)
      const { state, error } = result.job
      const reason = reasonOf(error)
      log[state === 'failed' ? 'warn' : 'info'](
        summary(result.job),
        `job ${state}${reason === null ? '' : `: ${reason}`}`,
      )
    }
    return true
  }

  /** Tells whoever watches, and the deliverer, of a change that is written down. */
  announce(job: Job, previous: State | null, at: number): void {
    const { id, changes: number, state, attempt, error } = job
    this.#parts.relay.changed(id, { number, state, previous, attempt, at, error })
    if (job.wishes.webhookUrl !== null) this.#parts.deliverer.wake()
  }

  #changeOf(run: Attempt, { event, error, availableAt }: Decision): JobChange {
    const remains = isFinal(TRANSITIONS[event].to) ? run.output(event === 'completed') : undefined
    return {
      id: run.job.id,
      event,
      now: this.#parts.clock.now(),
      measured: run.measured,
      ...(error === undefined ? {} : { error }),
      ...(availableAt === undefined ? {} : { availableAt }),
      ...(remains === undefined ? {} : { output: remains }),
    }
  }

  #tell(run: Attempt, outcome: AttemptOutcome, { event, error }: Decision): void {
    const { relay } = this.#parts
    const { id } = run.job
    if (error === undefined) return relay.ended(id, { kind: 'completed' })
    if (outcome.kind === 'http_error' && event === 'target_error') return relay.ended(id, { kind: 'answered', error })
    const recorded = event === 'target_error' && run.delivered
    relay.ended(id, { kind: 'failed', event, error, recorded })
  }

  /** Cloud models load nothing. */
  #countLoad({ job, measured }: Attempt): void {
    if (job.affinity === CLOUD_AFFINITY) return
    const isPredicted = job.state === 'loading'
    this.loads.count(isPredicted, measured.loadMs)
    this.#parts.metrics.loadSeen(isPredicted, hasLoaded(measured.loadMs))
  }

  /** Learns from what jobs took in earlier lives of the daemon, as far as they are kept. */
  recall(runs: readonly PastRun[]): void {
    for (const run of runs) this.#learn(run)
  }

  #learn({ affinity, ms, loadMs }: PastRun): void {
    // The wall clock was set back while it ran.
    if (ms < 0) return
    this.recentRunMs = this.recentRunMs === null ? ms : 0.8 * this.recentRunMs + 0.2 * ms
    this.runTimes.learn(affinity, Math.max(0, ms - (loadMs ?? 0)), loadMs)
  }
}

/** A text of the target may quote the prompt. So the log has its known phrase, if any; the job's document has the text. */
function loggedError(error: JobError | undefined) {
  if (error === undefined) return undefined
  const { code, message, status } = error
  const isOfTarget = code === 'target_error' || code === 'bad_answer'
  return { code, status, message: isOfTarget ? knownReason(message) : message }
}

/** Why a job failed or was cancelled, as the log says it; null if it did neither. */
function reasonOf(error: JobError | null | undefined): string | null {
  const logged = loggedError(error ?? undefined)
  return logged === undefined ? null : `${logged.code}${logged.message ? `, ${logged.message}` : ''}`
}

/** What the log says of a job that is sent: never what is asked. */
export function sentLine({ id, model, affinity, attempt, state, caller, wishes: { label } }: Job, swapped: boolean) {
  return { job: id, model, affinity, attempt, state, swapped, caller, ...(label === null ? {} : { label }) }
}

/** What the log says of a finished job: which, how long, how much; never what was said. */
function summary({
  id,
  model,
  endpoint,
  state,
  attempt,
  error,
  createdAt,
  startedAt,
  claimedAt,
  finishedAt,
  measured,
}: Job) {
  const endedAt = finishedAt ?? createdAt
  return {
    ...{ job: id, model, endpoint, state, attempt },
    ...(error === null ? {} : { error: error.code }),
    queueMs: (startedAt ?? endedAt) - createdAt,
    runMs: endedAt - (claimedAt ?? endedAt),
    tokens: measured?.completionTokens ?? null,
  }
}
