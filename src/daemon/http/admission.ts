// Admission of waiting calls and async jobs to the queue: whether the model exists, the error if the queue is full, and the
// wake-ups once a job is in it. It sends no answer and writes no job.

import { isCloudModel } from '../domain/affinity.ts'
import { type Depth, type Job, type QueueLimits, retryAfterSeconds } from '../domain/job.ts'
import { isInstalled } from '../domain/target-status.ts'
import type { HttpContext } from './context.ts'
import { type OwnError, ownError } from './respond.ts'

/** Whether the model is missing in the last probe and in one made now. Returns false if nothing is known of the target. */
export async function isUnknownModel(model: string, prober: HttpContext['prober']): Promise<boolean> {
  if (isCloudModel(model) || isInstalled(model, prober.status) !== false) return false
  return isInstalled(model, await prober.probe('unknown model')) === false
}

/** The error for a job that the store did not accept, with a Retry-After estimated from the queue. */
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
