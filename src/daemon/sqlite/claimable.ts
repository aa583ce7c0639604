// Queries that find the next job to claim. Each is one step into a partial index, so its cost does not depend on the length
// of the queue. The choice follows affinity.ts. No query here changes the state of a job.

import { CLOUD_AFFINITY, type Residency, turnsToOldest } from '../domain/affinity.ts'
import type { CallerKind } from '../domain/job.ts'
import { MAX_BACKOFF_MS, MAX_OWN_BACKOFF_MS } from '../domain/wait-reason.ts'
import type { Statements } from './statement.ts'

export interface ClaimRequest {
  /** Wall ms. */
  readonly now: number
  /** The queue's awake clock, ms. */
  readonly awake: number
  readonly residency: Residency
  /** FOREMAN_DRAIN_LIMIT, ms; 0 = none. */
  readonly drainLimitMs: number
}

interface ClaimCandidate {
  readonly sequence: number
  readonly affinity: string
  readonly caller: CallerKind
  readonly created_awake: number
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

export function createClaimable({ one, run }: Statements) {
  const promote = run<{ now: number }>(CLAIMABLE_SQL.promote)
  const promoteAhead = run<{ now: number; ahead: number; farAhead: number }>(CLAIMABLE_SQL.promoteAhead)
  const firstBackoff = one<{ available_at: number }>(CLAIMABLE_SQL.firstBackoff)
  const oldest = one<ClaimCandidate>(CLAIMABLE_SQL.oldest)
  const ofAffinity = one<ClaimCandidate, { affinity: string }>(CLAIMABLE_SQL.ofAffinity)
  const ofModel = one<ClaimCandidate, { model: string }>(CLAIMABLE_SQL.ofModel)

  /** Returns the oldest job whose model is resident. A cloud job never needs a load. */
  function firstResident({ affinity, foreign }: Residency): ClaimCandidate | null {
    const own = affinity === null ? foreign.map((model) => ofModel({ model })) : [ofAffinity({ affinity })]
    const found = [...own, ofAffinity({ affinity: CLOUD_AFFINITY })].filter((one) => one !== null)
    return found.sort((a, b) => a.sequence - b.sequence)[0] ?? null
  }

  return {
    /** Ends the backoffs that are over, and those that were set before the clock was set back. */
    promote(now: number): void {
      promote({ now })
      promoteAhead({ now, ahead: now + MAX_OWN_BACKOFF_MS, farAhead: now + MAX_BACKOFF_MS })
    },
    /** Returns when the first backoff ends (wall ms); null if no job backs off. */
    firstBackoff: () => firstBackoff()?.available_at ?? null,
    /** Returns the job whose turn it is; null if none may be sent. */
    next({ residency, drainLimitMs: limitMs, awake: awakeNow }: ClaimRequest, swappedAwake: number) {
      const first = oldest()
      const resident = first === null ? null : firstResident(residency)
      if (first === null || resident === null) return first
      return turnsToOldest({ limitMs, awakeNow, swappedAwake, oldestAwake: first.created_awake }) ? first : resident
    },
  }
}
