// Queries that find the next job to claim. Each is one step into a partial index, so its cost does not depend on the length
// of the queue. The choice follows affinity.ts. No query here changes the state of a job.

import type { DatabaseSync } from 'node:sqlite'
import { CLOUD_AFFINITY, turnsToOldest } from '../domain/affinity.ts'
import type { CallerKind } from '../domain/job.ts'
import { MAX_BACKOFF_MS, MAX_OWN_BACKOFF_MS } from '../domain/wait-reason.ts'
import { type None, prepare, whole } from './statement.ts'
import type { ClaimRequest } from './store.ts'

export interface ClaimCandidate {
  readonly sequence: number
  readonly affinity: string
  readonly caller: CallerKind
  readonly created_awake: number
}

export interface ClaimableJobs {
  /** Ends the backoffs that are over, and those that were set before the clock was set back. */
  promote(now: number): void
  /** Returns the job whose turn it is; null if none may be sent. */
  next(request: ClaimRequest, swappedAwake: number): ClaimCandidate | null
  /** Returns when the first backoff ends (wall ms); null if no job backs off. */
  firstBackoff(): number | null
}

/** INDEXED BY, so that a changed index fails at the prepare, not with a million rows waiting. */
export const CLAIMABLE_SQL = {
  promote:
    'UPDATE jobs INDEXED BY backoffs SET available_at = NULL WHERE available_at IS NOT NULL AND available_at <= $now',
  // The same rule as `holdsBack`, which decides it for one job.
  promoteAhead: `UPDATE jobs INDEXED BY backoffs SET available_at = NULL
    WHERE available_at > $ahead AND (available_at > $farAhead OR requeued_at > $now)`,
  firstBackoff: `SELECT available_at FROM jobs INDEXED BY backoffs
    WHERE available_at IS NOT NULL AND available_at > 0 ORDER BY available_at LIMIT 1`,
  oldest: claimableBy('sequence', 'sequence > 0'),
  ofAffinity: claimableBy('affinity', 'affinity = $affinity'),
  ofModel: claimableBy('model', 'normalised_model = $model'),
}

function claimableBy(index: string, condition: string): string {
  return `SELECT sequence, affinity, caller, created_awake FROM jobs INDEXED BY claimable_by_${index}
    WHERE state = 'queued' AND available_at IS NULL AND orphaned_at IS NULL AND ${condition} ORDER BY sequence LIMIT 1`
}

export function createClaimable(db: DatabaseSync): ClaimableJobs {
  const promote = prepare<{ now: number }>(db, CLAIMABLE_SQL.promote)
  const promoteAhead = prepare<{ now: number; ahead: number; farAhead: number }>(db, CLAIMABLE_SQL.promoteAhead)
  const firstBackoff = prepare<None, { available_at: number }>(db, CLAIMABLE_SQL.firstBackoff)
  const oldest = prepare<None, ClaimCandidate>(db, CLAIMABLE_SQL.oldest)
  const ofAffinity = prepare<{ affinity: string }, ClaimCandidate>(db, CLAIMABLE_SQL.ofAffinity)
  const ofModel = prepare<{ model: string }, ClaimCandidate>(db, CLAIMABLE_SQL.ofModel)

  /** Returns the oldest job whose model is resident. A cloud job never needs a load. */
  function firstResident({ affinity, foreign }: ClaimRequest['residency']): ClaimCandidate | null {
    const own = affinity === null ? foreign.map((model) => ofModel.get({ model })) : [ofAffinity.get({ affinity })]
    const found = [...own, ofAffinity.get({ affinity: CLOUD_AFFINITY })].filter((one) => one !== undefined)
    return found.reduce<ClaimCandidate | null>(
      (first, one) => (first === null || one.sequence < first.sequence ? one : first),
      null,
    )
  }

  return {
    promote(now) {
      promote.run({ now: whole(now) })
      promoteAhead.run({
        now: whole(now),
        ahead: whole(now + MAX_OWN_BACKOFF_MS),
        farAhead: whole(now + MAX_BACKOFF_MS),
      })
    },
    firstBackoff: () => firstBackoff.get({})?.available_at ?? null,
    next({ residency, drainLimitMs: limitMs, awake: awakeNow }, swappedAwake) {
      const first = oldest.get({})
      if (first === undefined) return null
      const resident = firstResident(residency)
      if (resident === null) return first
      return turnsToOldest({ limitMs, awakeNow, swappedAwake, oldestAwake: first.created_awake }) ? first : resident
    },
  }
}
