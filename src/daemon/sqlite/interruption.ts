// What happens to jobs at a crash and at a clean stop. Each goes through the same guarded change as any other event, with its
// history and webhook.

import { errorMessage } from '../../protocol/error.ts'
import type { JobsTable } from './jobs.ts'
import type { Queueing } from './queueing.ts'
import type { JobChange, Recovery } from './store.ts'

export interface Interruption {
  recover(now: number, maxAttempts: number): Recovery
  interruptAll(now: number): void
}

export function createInterruption(
  jobs: Pick<JobsTable, 'interruptible' | 'skipChange'>,
  queueing: Pick<Queueing, 'apply'>,
): Interruption {
  const apply = (change: JobChange): void => void queueing.apply(change, 'synced')

  return {
    recover(now, maxAttempts) {
      const found = { requeued: 0, failed: 0, cancelled: 0 }
      for (const { id, sequence, state, caller, attempt } of jobs.interruptible()) {
        // Watchers get `working` and the first records while that change is being written. A crash may lose the change, but
        // its number must not be used again: a watcher would skip the next event.
        if (caller === 'none' && state === 'loading') jobs.skipChange(sequence)
        if (caller === 'live') {
          found.cancelled += 1
          const error = { code: 'crashed', message: errorMessage('crashed'), status: null } as const
          apply({ id, event: 'cancelled', now, error })
        } else if (attempt < maxAttempts) {
          found.requeued += 1
          apply({ id, event: 'recovered', now })
        } else {
          found.failed += 1
          const message = errorMessage('attempts_exhausted', { attempts: attempt })
          apply({ id, event: 'attempts_exhausted', now, error: { code: 'attempts_exhausted', message, status: null } })
        }
      }
      return found
    },
    interruptAll(now) {
      const error = { code: 'shutting_down', message: errorMessage('shutting_down'), status: null } as const
      for (const { id, caller } of jobs.interruptible()) {
        apply(caller === 'live' ? { id, event: 'cancelled', now, error } : { id, event: 'interrupted', now })
      }
    },
  }
}
