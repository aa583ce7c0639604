// Decision after a try to deliver a webhook: delivered, tried again, given up, or stopped. Pure: outcome, time and
// random number are arguments.

import type { DeliveryDocument } from '../../protocol/wire.ts'
import { MAX_RETRY_AFTER_MS, retryAfterMs, withJitter } from './backoff.ts'

/** Why a webhook has not been delivered. */
export type DeliveryReason = NonNullable<DeliveryDocument['reason']>

/** What happened on one try. */
export type DeliveryOutcome =
  /** A status came. `retryAfter`: the header as received. */
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | null }
  /** No connection, no TLS, or no HTTP came back. */
  | { readonly kind: 'unreachable' }
  /** The try did not end within its 15 s. */
  | { readonly kind: 'timeout' }
  /**
   * The address policy refused the receiver. `isLasting`: because of the URL itself. Otherwise because of an address
   * that its name resolved to this time, or because the addresses of this machine are unknown.
   */
  | { readonly kind: 'refused_address'; readonly isLasting: boolean }

export type DeliveryVerdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'again'; readonly at: number; readonly reason: DeliveryReason }
  | { readonly kind: 'given_up'; readonly reason: DeliveryReason }
  | { readonly kind: 'stopped' }

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Waits after the first, second, … failed try. The try after the last wait is the last one. */
export const RETRY_MS: readonly number[] = [
  ...[1, 2, 4, 8, 16].map((seconds) => seconds * SECOND),
  ...[1 * MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR],
]

/** Tries of an event that the receiver refuses and that is not its job's last. The job's next event waits for them. */
const REFUSED_TRIES = 3

/** 4xx statuses that mean "later" and not "never". */
const PASSING_STATUSES: readonly number[] = [408, 409, 425, 429]

/** Upper bound of the time from a settled try to the next one, by tries made. A receiver may ask for an hour. */
export const MAX_AHEAD_MS: readonly number[] = [
  0,
  ...RETRY_MS.map((wait) => Math.max(withJitter(wait, 1), MAX_RETRY_AFTER_MS)),
]

/** A try that has ended. */
export interface DeliveryTry {
  readonly outcome: DeliveryOutcome
  /** Tries before this one. */
  readonly tries: number
  /** Whether the event is the job's last: done, failed or cancelled. */
  readonly isLastEvent: boolean
}

/**
 * 1. A 2xx means delivered. A 410 stops the webhooks of the job.
 * 2. A webhook that can never succeed is given up: its tries are used up, or the URL itself is refused.
 * 3. A refused event that is not its job's last is given up after three tries, whatever Retry-After says.
 * 4. Everything else is tried again on the schedule. The last event uses the whole schedule, because some proxies
 *    answer 404 while a service restarts.
 *
 * @param now wall ms
 * @param random 0 ≤ random < 1
 */
export function decideDelivery(
  { outcome, tries, isLastEvent }: DeliveryTry,
  now: number,
  random: number,
): DeliveryVerdict {
  // 1.
  if (outcome.kind === 'answered' && outcome.status >= 200 && outcome.status < 300) return { kind: 'delivered' }
  if (outcome.kind === 'answered' && outcome.status === 410) return { kind: 'stopped' }
  const reason = outcome.kind === 'answered' ? 'not_accepted' : outcome.kind
  const wait = RETRY_MS[tries]
  // 2. A name may resolve to another address next time (a router was rebooting); a URL stays as it is.
  if (wait === undefined || (outcome.kind === 'refused_address' && outcome.isLasting))
    return { kind: 'given_up', reason }
  // 3.
  const isRefusal = !isLastEvent && isRefused(outcome)
  if (isRefusal && tries + 1 >= REFUSED_TRIES) return { kind: 'given_up', reason }
  const scheduled = withJitter(wait, random)
  const asked = outcome.kind === 'answered' && !isRefusal ? retryAfterMs(outcome.retryAfter, now) : 0
  // 4. Never earlier than scheduled: `Retry-After: 0` of a broken receiver would cause a hot loop.
  return { kind: 'again', at: now + Math.max(scheduled, asked), reason }
}

function isRefused(outcome: DeliveryOutcome): boolean {
  if (outcome.kind !== 'answered' || outcome.status < 400 || outcome.status > 499) return false
  return !PASSING_STATUSES.includes(outcome.status)
}

/** Whether the next try should carry no data, because the body of this one was too large for the receiver. */
export const isTooLarge = (outcome: DeliveryOutcome): boolean => outcome.kind === 'answered' && outcome.status === 413

/** The webhook of one state change. */
export interface Delivery extends Readonly<Omit<DeliveryDocument, 'next_try_at' | 'delivered_at'>> {
  /** Time of the next try, wall ms; null unless pending. */
  readonly nextAt: number | null
  readonly deliveredAt: number | null
}
