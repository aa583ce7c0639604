// Reason why a waiting job is not sent yet. There is exactly one, even if several apply. Pure.

import { MAX_RETRY_AFTER_MS } from './backoff.ts'
import type { Job, QueuePosition } from './job.ts'

/** Times are wall ms. `since`: when the reason began, which may be before the job was submitted. */
export type WaitingFor =
  /** `until`: null if only `resume` ends it. */
  | { readonly reason: 'paused'; readonly since: number; readonly until: number | null }
  | { readonly reason: 'storage_full'; readonly since: number }
  | { readonly reason: 'target_unreachable'; readonly since: number }
  | { readonly reason: 'backoff'; readonly since: number; readonly until: number }
  /**
   * `until`: the queue switches to the oldest job after the job that runs then. Null without a limit, or if unknown.
   */
  | { readonly reason: 'draining'; readonly since: number; readonly affinity: string; readonly until: number | null }
  /** `jobId`: null between two jobs. */
  | { readonly reason: 'running'; readonly since: number; readonly jobId: string | null }

/** What holds up the queue now. Times are wall ms; null if it does not apply. */
export interface QueueCondition {
  readonly now: number
  readonly pause: { readonly since: number; readonly until: number | null } | null
  /** The store could not write a claim. */
  readonly storageFullSince: number | null
  readonly unreachableSince: number | null
  /** When the last swap was; null before the first. */
  readonly swappedAt: number | null
  /** The job at the target. */
  readonly running: { readonly jobId: string; readonly since: number } | null
  /** When the last run ended; null before that. */
  readonly idleSince: number | null
}

/** Longer than any backoff of foreman (backoff.ts). */
export const MAX_OWN_BACKOFF_MS = 120_000
/** Longer than any wait that the target may ask for (backoff.ts). */
export const MAX_BACKOFF_MS = MAX_RETRY_AFTER_MS + MAX_OWN_BACKOFF_MS

type WaitingJob = Pick<Job, 'id' | 'createdAt' | 'requeuedAt' | 'availableAt'>

/**
 * Whether the backoff is still in effect. A backoff that is too long, or began later than now, shows that the clock was
 * set back.
 */
function holdsBack(availableAt: number, requeuedAt: number | null, now: number): boolean {
  if (availableAt <= now) return false
  if (availableAt <= now + MAX_OWN_BACKOFF_MS) return true
  return availableAt <= now + MAX_BACKOFF_MS && (requeuedAt === null || requeuedAt <= now)
}

/**
 * Returns what `job` waits for. The first that applies:
 * 1. the pause;
 * 2. a disk without room for a claim;
 * 3. a target that does not answer;
 * 4. its own backoff;
 * 5. jobs of the affinity that is drained before its own;
 * 6. the running job.
 */
export function waitingFor(job: WaitingJob, { draining }: QueuePosition, condition: QueueCondition): WaitingFor {
  const { now, pause, storageFullSince, unreachableSince, swappedAt, running, idleSince } = condition
  const cameAt = job.requeuedAt ?? job.createdAt
  if (pause !== null) return { reason: 'paused', ...pause }
  if (storageFullSince !== null) return { reason: 'storage_full', since: storageFullSince }
  if (unreachableSince !== null) return { reason: 'target_unreachable', since: unreachableSince }
  if (job.availableAt !== null && holdsBack(job.availableAt, job.requeuedAt, now))
    return { reason: 'backoff', since: cameAt, until: job.availableAt }
  if (draining !== undefined) {
    const { affinity, turnsInMs } = draining
    const until = turnsInMs === null ? null : now + turnsInMs
    return { reason: 'draining', since: swappedAt ?? running?.since ?? cameAt, affinity, until }
  }
  if (running === null || running.jobId === job.id)
    return { reason: 'running', since: Math.max(cameAt, idleSince ?? cameAt), jobId: null }
  return { reason: 'running', ...running }
}
