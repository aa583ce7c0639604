// End of an attempt: decides the outcome, saves it, and then tells listeners, in that order. So whatever a caller reads
// as the end is in the database already. It sends and claims nothing.

import { errorMessage } from '../../protocol/error.ts'
import type { Config } from '../config/options.ts'
import { CLOUD_AFFINITY } from '../domain/affinity.ts'
import { type AttemptOutcome, type Decision, decide } from '../domain/attempt.ts'
import { RunTimes } from '../domain/eta.ts'
import { isFinal, type Job, type JobError, type State, TRANSITIONS } from '../domain/job.ts'
import { LoadCounters } from '../domain/load-counters.ts'
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
  /** Woken when a webhook may be due. */
  readonly deliverer: { wake(): void }
}

export class AttemptCompleter {
  readonly #parts: AttemptCompleterParts

  readonly runTimes = new RunTimes()
  readonly loads = new LoadCounters()

  constructor(parts: AttemptCompleterParts) {
    this.#parts = parts
  }

  /** `mustAsk`: the connection broke, so the target must be asked before the next claim. */
  async complete(run: Attempt, outcome: AttemptOutcome): Promise<{ readonly mustAsk: boolean }> {
    const { clock, config, random, metrics, prober, log } = this.#parts
    const { job } = run
    if (outcome.kind === 'lost') prober.soon('connection lost')
    const context = { now: clock.now(), maxAttempts: config.maxAttempts, delivered: run.delivered, random: random() }
    const decision = decide(outcome, job, context)
    const { event, error } = decision
    metrics.inc('attempts', { outcome: event })
    if (event === 'completed') {
      const loadMs = job.state === 'loading' ? (run.measured.loadMs ?? null) : null
      this.#learn({ affinity: job.affinity, ms: clock.monotonic() - run.startedAt, loadMs })
      this.#countLoad(run)
    }
    const isLast = isFinal(TRANSITIONS[event].to)
    // The end of the job is logged when it is saved.
    if (!isLast) {
      const fields = { job: job.id, model: job.model, attempt: job.attempt, event, error: loggedError(error) }
      log.warn(fields, `attempt failed, job put back in the queue: ${reasonOf(error) ?? event}`)
    }
    // A held answer is passed on if it is complete or is the target's own error. A bad answer is not.
    if (isLast && (event === 'completed' || outcome.kind === 'http_error')) run.release()
    await this.write(this.#changeOf(run, decision))
    if (isLast) this.#tell(run, outcome, decision)
    return { mustAsk: outcome.kind === 'lost' || outcome.kind === 'stopped' }
  }

  /** After an unexpected error: fails the job, so that it cannot cause the same error again and again. */
  async fail(run: Attempt, cause: unknown): Promise<void> {
    const message = errorMessage('internal', { detail: 'see the log' })
    const error = { code: 'internal', message, status: null } as const
    this.#parts.log.error({ err: cause, job: run.job.id }, 'job failed after an unexpected error')
    await this.write({ id: run.job.id, event: 'target_error', now: this.#parts.clock.now(), error })
    this.#parts.relay.ended(run.job.id, { kind: 'failed', event: 'target_error', error, recorded: false })
  }

  /** Returns false if the job was not in a state that the event may leave: another change ended it first. */
  async write(change: JobChange): Promise<boolean> {
    const { store, log, metrics } = this.#parts
    const result = await store.apply(change)
    if (result.kind === 'conflict') {
      log.debug({ job: change.id, event: change.event }, 'change not applied: the job was in another state by then')
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

  /** Tells watchers and the deliverer about a saved change. */
  announce(job: Job, previous: State | null, at: number): void {
    const { id, changes: number, state, attempt, error } = job
    this.#parts.relay.changed(id, { number, state, previous, attempt, at, error })
    if (job.options.webhookUrl !== null) this.#parts.deliverer.wake()
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
    const loaded = this.loads.count(isPredicted, measured.loadMs)
    const happened = loaded === null ? 'untold' : yesOrNo(loaded)
    this.#parts.metrics.inc('loads', { predicted: yesOrNo(isPredicted), happened })
  }

  /** Learns from jobs of earlier processes, as far as they are kept. */
  recall(runs: readonly PastRun[]): void {
    for (const run of runs) this.#learn(run)
  }

  #learn({ affinity, ms, loadMs }: PastRun): void {
    // Negative if the wall clock was set back while it ran.
    if (ms < 0) return
    this.runTimes.learn(affinity, Math.max(0, ms - (loadMs ?? 0)), loadMs)
  }
}

const yesOrNo = (is: boolean) => (is ? 'yes' : 'no')

/**
 * An error text of the target may quote the prompt, so the log has only its known phrase, if any. The job document has
 * the text.
 */
function loggedError(error: JobError | undefined) {
  if (error === undefined) return undefined
  const { code, message, status } = error
  const isOfTarget = code === 'target_error' || code === 'bad_answer'
  return { code, status, message: isOfTarget ? knownReason(message) : message }
}

/** Why a job failed or was cancelled, for the log; null if it did neither. */
function reasonOf(error: JobError | null | undefined): string | null {
  const logged = loggedError(error ?? undefined)
  return logged === undefined ? null : `${logged.code}${logged.message ? `, ${logged.message}` : ''}`
}

/** Log fields of a job that is sent; never its prompt. */
export function sentLine({ id, model, affinity, attempt, state, caller, options: { label } }: Job, swapped: boolean) {
  return { job: id, model, affinity, attempt, state, swapped, caller, ...(label === null ? {} : { label }) }
}

/** Log fields of a finished job: which, how long and how many tokens; never its text. */
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
    job: id,
    model,
    endpoint,
    state,
    attempt,
    ...(error === null ? {} : { error: error.code }),
    queueMs: (startedAt ?? endedAt) - createdAt,
    runMs: endedAt - (claimedAt ?? endedAt),
    tokens: measured?.completionTokens ?? null,
  }
}
