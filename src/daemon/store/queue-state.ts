// Owns the one row of what outlives the process beside the jobs: paused, the awake clock, what was sent last. It decides
// nothing; who swaps and when is the claim's affair.

import type { DatabaseSync } from 'node:sqlite'
import { CLOUD_AFFINITY } from '../affinity.ts'
import { prepare, whole } from './statement.ts'
import type { QueueState } from './store.ts'

interface QueueStateRow {
  readonly paused: number
  readonly awake: number
  readonly last_affinity: string | null
  readonly swapped_awake: number
}

export interface QueueStateTable {
  read(): QueueState
  setPaused(paused: boolean): void
  /** A job of `affinity` was sent. True: the target swaps models for it. */
  sent(affinity: string, awake: number): boolean
  /** A job of `affinity` was enqueued. True: first-in-first-out would swap models for it. */
  enqueued(affinity: string): boolean
  setBallast(bytes: number | null): void
}

export function createQueueState(db: DatabaseSync): QueueStateTable {
  // The newest job may have seen the awake clock later than the last claim did.
  const read = prepare<Record<string, never>, QueueStateRow>(
    db,
    `SELECT paused, last_affinity, swapped_awake,
       max(awake, coalesce((SELECT created_awake FROM jobs ORDER BY sequence DESC LIMIT 1), 0)) AS awake
     FROM queue_state`,
  )
  const setPaused = prepare<{ paused: number }>(db, 'UPDATE queue_state SET paused = $paused')
  const last = prepare<Record<string, never>, { last_affinity: string | null; newest_affinity: string | null }>(
    db,
    'SELECT last_affinity, newest_affinity FROM queue_state',
  )
  const swap = prepare<{ affinity: string; awake: number }>(
    db,
    'UPDATE queue_state SET last_affinity = $affinity, swapped_awake = $awake, awake = $awake',
  )
  const stay = prepare<{ awake: number }>(db, 'UPDATE queue_state SET awake = $awake')
  const enqueued = prepare<{ affinity: string }>(db, 'UPDATE queue_state SET newest_affinity = $affinity')
  const setBallast = prepare<{ bytes: number | null }>(
    db,
    'UPDATE queue_state SET ballast = CASE WHEN $bytes IS NULL THEN NULL ELSE zeroblob($bytes) END',
  )

  return {
    read() {
      const row = read.get({})
      if (row === undefined) throw new Error('queue_state has no row')
      const { paused, awake, last_affinity: lastAffinity, swapped_awake: swappedAwake } = row
      return { paused: paused === 1, awake, lastAffinity, swappedAwake }
    },
    setPaused: (paused) => void setPaused.run({ paused: paused ? 1 : 0 }),
    sent(affinity, awake) {
      const swaps = affinity !== CLOUD_AFFINITY && affinity !== last.get({})?.last_affinity
      if (swaps) swap.run({ affinity, awake: whole(awake) })
      else stay.run({ awake: whole(awake) })
      return swaps
    },
    enqueued(affinity) {
      if (affinity === CLOUD_AFFINITY || affinity === last.get({})?.newest_affinity) return false
      enqueued.run({ affinity })
      return true
    },
    setBallast: (bytes) => void setBallast.run({ bytes }),
  }
}
