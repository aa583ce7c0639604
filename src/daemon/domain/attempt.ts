// Decision after an attempt: turns what happened at the target into the event that changes the job. Pure. HTTP errors
// are final, connection errors are not (ADR 0005). Once a waiting caller has received bytes, the job is not retried.

import { type ErrorCode, errorMessage } from '../../protocol/error.ts'
import { isJsonObject, jsonObject } from '../../protocol/json.ts'
import { backoffMs, retryAfterMs } from './backoff.ts'
import { type AttemptEvent, isAttemptEvent, type Job, type JobError } from './job.ts'
import { cutTargetText } from './target-text.ts'

/** Why foreman itself stopped an attempt. `shutting_down` puts an async job back in the queue. */
export type StopReason =
  | 'cancelled'
  | 'caller_gone'
  | 'finish_before_passed'
  | 'shutting_down'
  | 'stalled'
  | 'run_limit'
  | 'answer_too_large'

/** What happened at the target. */
export type AttemptOutcome =
  /** A 2xx answer whose body ended as its framing says. */
  | { readonly kind: 'answered'; readonly verdict: Verdict }
  /** Any other status. `body`: its first 64 KiB. `retryAfter`: the header as the target sent it. */
  | { readonly kind: 'http_error'; readonly status: number; readonly body: string; readonly retryAfter: string | null }
  /** The connection was lost. `verdict`: the verdict on what had come until then. */
  | { readonly kind: 'lost'; readonly reached: boolean; readonly message: string; readonly verdict: Verdict }
  /** The answer is not one of Ollama. */
  | { readonly kind: 'bad_answer'; readonly detail: string }
  | { readonly kind: 'stopped'; readonly reason: StopReason; readonly limit?: string }

export interface AttemptContext {
  readonly now: number
  readonly maxAttempts: number
  /** A part of the answer has been written to a waiting caller. */
  readonly delivered: boolean
  /** 0 ≤ random < 1. */
  readonly random: number
}

/** The event that ends the attempt, and what is saved with it. */
export interface Decision {
  readonly event: AttemptEvent
  readonly error?: JobError
  readonly availableAt?: number
}

/** How often a job may be put back without using an attempt, as a multiple of FOREMAN_MAX_ATTEMPTS. */
const BOUNCES_PER_ATTEMPT = 10

const failure = (
  code: ErrorCode,
  values: Record<string, string | number> = {},
  status: number | null = null,
): JobError => ({
  code,
  message: errorMessage(code, values),
  status,
})

/**
 * The text of an error document in Ollama's, OpenAI's or Anthropic's form, cut to 2 KiB. Returns null if `body` is not
 * such a document.
 */
export function targetErrorText(body: string): string | null {
  const error = jsonObject(body)?.['error']
  if (typeof error === 'string') return cutTargetText(error)
  return isJsonObject(error) && 'message' in error ? cutTargetText(String(error['message'])) : null
}

type HttpError = Extract<AttemptOutcome, { kind: 'http_error' }>

/**
 * Whether the target did not accept the request, so that the job may be sent again:
 * 1. 503 with Ollama's "server busy".
 * 2. 502, 503 or 504 without an error document: a proxy in front of the target sent it.
 * 3. 429 or 503 with `Retry-After` (cloud models), for an async job. A waiting caller gets the status as it came.
 */
function isBusy({ status, body, retryAfter }: HttpError, isAsync: boolean): boolean {
  const text = targetErrorText(body)
  if (status === 503 && text?.includes('server busy')) return true
  if (text === null && (status === 502 || status === 503 || status === 504)) return true
  return isAsync && retryAfter !== null && (status === 429 || status === 503)
}

function decideHttpError(answer: HttpError, job: Job, context: AttemptContext): Decision {
  const { status, body, retryAfter } = answer
  const isAsync = job.caller === 'none'
  // Bytes that a caller has received cannot be taken back by another attempt.
  const mayRepeat = isAsync || !context.delivered
  if (mayRepeat && isBusy(answer, isAsync) && job.bounces < BOUNCES_PER_ATTEMPT * context.maxAttempts) {
    const backoff = backoffMs(job.bounces + 1, context.random)
    // A waiting call never waits for the hour that Retry-After may ask for. No job comes back before its backoff.
    const asked = isAsync ? retryAfterMs(retryAfter, context.now) : 0
    return { event: 'target_busy', availableAt: context.now + Math.max(backoff, asked) }
  }
  if (status < 400) return { event: 'bad_answer', error: failure('bad_answer', { detail: `HTTP ${status}` }) }
  const detail = targetErrorText(body) ?? `the target answered with HTTP ${status}`
  return { event: 'target_error', error: { code: 'target_error', message: detail, status } }
}

function decideLost(reached: boolean, job: Job, context: AttemptContext): Decision {
  if (context.delivered && job.caller === 'live') return { event: 'stream_broken', error: failure('stream_broken') }
  if (!reached && job.bounces < BOUNCES_PER_ATTEMPT * context.maxAttempts) {
    return { event: 'unreached', availableAt: context.now }
  }
  if (job.attempt >= context.maxAttempts) {
    return { event: 'attempts_exhausted', error: failure('attempts_exhausted', { attempts: job.attempt }) }
  }
  return { event: 'connection_lost', availableAt: context.now + backoffMs(job.attempt, context.random) }
}

function decideVerdict(verdict: Verdict): Decision {
  switch (verdict.kind) {
    case 'complete':
      return { event: 'completed' }
    case 'error':
      return {
        event: 'target_error',
        error: { code: 'target_error', message: cutTargetText(verdict.message), status: null },
      }
    case 'bad':
      return { event: 'bad_answer', error: failure('bad_answer', { detail: verdict.detail }) }
    case 'incomplete':
      return { event: 'incomplete_stream', error: failure('incomplete_stream') }
  }
}

/** Decides what becomes of a job after an attempt. Total: every outcome has an event. */
export function decide(outcome: AttemptOutcome, job: Job, context: AttemptContext): Decision {
  switch (outcome.kind) {
    case 'answered':
      return decideVerdict(outcome.verdict)
    case 'http_error':
      return decideHttpError(outcome, job, context)
    case 'lost':
      // The connection was lost after the last record or the error record: nothing is missing.
      if (outcome.verdict.kind === 'complete' || outcome.verdict.kind === 'error') return decideVerdict(outcome.verdict)
      return decideLost(outcome.reached, job, context)
    case 'bad_answer':
      return { event: 'bad_answer', error: failure('bad_answer', { detail: cutTargetText(outcome.detail) }) }
    case 'stopped': {
      const { reason, limit } = outcome
      if (reason === 'shutting_down' && job.caller === 'none') return { event: 'interrupted' }
      const error = failure(reason, limit === undefined ? {} : { limit })
      return { event: isAttemptEvent(reason) ? reason : 'cancelled', error }
    }
  }
}

/** Verdict on an answer. */
export type Verdict =
  | { readonly kind: 'complete' }
  /** The target reported an error within the answer; `message` is its text. */
  | { readonly kind: 'error'; readonly message: string }
  /** The answer is not in Ollama's format. */
  | { readonly kind: 'bad'; readonly detail: string }
  | { readonly kind: 'incomplete' }
