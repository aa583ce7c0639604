// What happens to jobs at a crash and at a clean stop. Each goes through the same guarded change as any other event, with its
// history and webhook.

import { type ErrorCode, errorMessage } from '../../protocol/error.ts'
import type { JobError } from '../domain/job.ts'
import { apply } from './queueing.ts'
import type { OperationContext } from './tables.ts'

const errorOf = (code: ErrorCode, values = {}): JobError => ({
  code,
  message: errorMessage(code, values),
  status: null,
})

/**
 * Returns how many async jobs were put back in the queue, how many failed because their attempts are used up, and how many
 * waiting calls were cancelled because the crash disconnected their callers.
 */
export function recover(context: OperationContext, now: number, maxAttempts: number) {
  const { jobs } = context
  const found = { requeued: 0, failed: 0, cancelled: 0 }
  for (const { id, sequence, state, caller, attempt } of jobs.interruptible()) {
    // Watchers get `working` and the first records while that change is being written. A crash may lose the change, but
    // its number must not be used again: a watcher would skip the next event.
    if (caller === 'none' && state === 'loading') jobs.skipChange({ sequence })
    if (caller === 'live') {
      found.cancelled += 1
      apply(context, { id, event: 'cancelled', now, error: errorOf('crashed') })
    } else if (attempt < maxAttempts) {
      found.requeued += 1
      apply(context, { id, event: 'recovered', now })
    } else {
      found.failed += 1
      const error = errorOf('attempts_exhausted', { attempts: attempt })
      apply(context, { id, event: 'attempts_exhausted', now, error })
    }
  }
  return found
}

export function interruptAll(context: OperationContext, now: number): void {
  const error = errorOf('shutting_down')
  for (const { id, caller } of context.jobs.interruptible()) {
    apply(context, caller === 'live' ? { id, event: 'cancelled', now, error } : { id, event: 'interrupted', now })
  }
}
