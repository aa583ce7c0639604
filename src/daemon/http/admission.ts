// Owns what stands between a request that was understood and the queue, for blocked calls and for jobs alike: is its model
// there, what is said when the queue has no room, who is told when it is in. It knows no surface and writes nothing.

import { isCloudModel } from '../domain/affinity.ts'
import { type Depth, type Job, type QueueLimits, retryAfterSeconds } from '../domain/job.ts'
import { isInstalled } from '../domain/target-status.ts'
import type { HttpContext } from './context.ts'
import { type OwnError, ownError } from './respond.ts'

/** Not installed by the last probe, nor by one made now. While nothing is known, nothing is refused. */
export async function isUnknownModel(model: string, prober: HttpContext['prober']): Promise<boolean> {
  if (isCloudModel(model) || isInstalled(model, prober.status) !== false) return false
  return isInstalled(model, await prober.probe('unknown model')) === false
}

/** What the store would not take, with an honest Retry-After. */
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
