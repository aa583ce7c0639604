// Admission to the queue, for waiting calls and async jobs: whether the model is installed, the error of a full queue, and the
// notification of a new job. It knows no surface and writes nothing.

import { isCloudModel } from '../domain/affinity.ts'
import { type Depth, type Job, type QueueLimits, retryAfterSeconds } from '../domain/job.ts'
import { isInstalled } from '../domain/target-status.ts'
import type { HttpContext } from './context.ts'
import { type OwnError, ownError } from './respond.ts'

/** Returns whether neither the last probe nor one made now has the model. Returns false while nothing is known. */
export async function isUnknownModel(model: string, prober: HttpContext['prober']): Promise<boolean> {
  if (isCloudModel(model) || isInstalled(model, prober.status) !== false) return false
  return isInstalled(model, await prober.probe('unknown model')) === false
}

/** The error for a job that the store refused, with a realistic Retry-After. */
export function queueFullError(
  kind: 'queue_full' | 'storage_full',
  depth: Depth,
  limits: QueueLimits,
  recentRunMs: number | null,
): OwnError {
  const error = ownError(kind)
  return kind === 'storage_full' ? error : { ...error, retryAfter: retryAfterSeconds(depth, limits, recentRunMs) }
}

/** Notifies the parts that act on a new async job, which is on disk. */
export function announceEnqueued({ dispatcher, deadlines }: HttpContext, job: Job): void {
  dispatcher.enqueued(job)
  const { startBeforeMs, finishBeforeMs } = job.wishes
  if (startBeforeMs !== null || finishBeforeMs !== null) deadlines.wake()
}
