// Table of one row for the state of the queue that outlives the process: pause, awake clock, last affinity.

import type { DatabaseSync } from 'node:sqlite'
import { CLOUD_AFFINITY } from '../domain/affinity.ts'
import type { Pause } from '../domain/pause.ts'
import { prepare, whole, wholeOrNull } from './statement.ts'
import type { QueueState } from './store.ts'

interface QueueStateRow {
  readonly paused: number
  readonly paused_at: number | null
  readonly pause_until: number | null
  readonly pause_for_ms: number | null
  readonly pause_unload: number
  readonly awake: number
  readonly last_affinity: string | null
  readonly swapped_awake: number
  readonly swapped_at: number | null
}

export interface QueueStateTable {
  read(): QueueState
  setPause(pause: Pause | null): void
  /** Saves that a job of `affinity` was sent. Returns whether the target swaps models for it. */
  sent(affinity: string, awake: number, now: number): boolean
  /** Saves that a job of `affinity` was enqueued. Returns whether first-in-first-out would swap models for it. */
  enqueued(affinity: string): boolean
  /** Writes so many bytes, to see whether the disk is full. Null deletes them. */
  setDiskProbe(bytes: number | null): void
}

export function createQueueState(db: DatabaseSync): QueueStateTable {
  // The newest job may have been created after the last claim, so its awake time may be later.
  const read = prepare<Record<string, never>, QueueStateRow>(
    db,
    `SELECT paused, paused_at, pause_until, pause_for_ms, pause_unload, last_affinity, swapped_awake, swapped_at,
       max(awake, coalesce((SELECT created_awake FROM jobs ORDER BY sequence DESC LIMIT 1), 0)) AS awake
     FROM queue_state`,
  )
  const setPause = prepare<{
    paused: number
    since: number | null
    until: number | null
    forMs: number | null
    unload: number
  }>(
    db,
    `UPDATE queue_state SET paused = $paused, paused_at = $since, pause_until = $until, pause_for_ms = $forMs,
       pause_unload = $unload`,
  )
  const last = prepare<Record<string, never>, { last_affinity: string | null; newest_affinity: string | null }>(
    db,
    'SELECT last_affinity, newest_affinity FROM queue_state',
  )
  const swap = prepare<{ affinity: string; awake: number; now: number }>(
    db,
    'UPDATE queue_state SET last_affinity = $affinity, swapped_awake = $awake, awake = $awake, swapped_at = $now',
  )
  const stay = prepare<{ awake: number }>(db, 'UPDATE queue_state SET awake = $awake')
  const enqueued = prepare<{ affinity: string }>(db, 'UPDATE queue_state SET newest_affinity = $affinity')
  const setDiskProbe = prepare<{ bytes: number | null }>(
    db,
    'UPDATE queue_state SET ballast = CASE WHEN $bytes IS NULL THEN NULL ELSE zeroblob($bytes) END',
  )

  return {
    read() {
      const row = read.get({})
      if (row === undefined) throw new Error('queue_state has no row')
      const { awake, last_affinity: lastAffinity, swapped_awake: swappedAwake, swapped_at: swappedAt } = row
      return { pause: pauseOf(row), awake, lastAffinity, swappedAwake, swappedAt }
    },
    setPause(pause) {
      const { since = null, until = null, forMs = null, unload = false } = pause ?? {}
      setPause.run({
        paused: pause === null ? 0 : 1,
        since: wholeOrNull(since),
        until: wholeOrNull(until),
        forMs: wholeOrNull(forMs),
        unload: unload ? 1 : 0,
      })
    },
    sent(affinity, awake, now) {
      const swaps = affinity !== CLOUD_AFFINITY && affinity !== last.get({})?.last_affinity
      if (swaps) swap.run({ affinity, awake: whole(awake), now: whole(now) })
      else stay.run({ awake: whole(awake) })
      return swaps
    },
    enqueued(affinity) {
      if (affinity === CLOUD_AFFINITY || affinity === last.get({})?.newest_affinity) return false
      enqueued.run({ affinity })
      return true
    },
    setDiskProbe: (bytes) => void setDiskProbe.run({ bytes }),
  }
}

/** `since` is 0 for a pause that an older foreman wrote without its time. */
function pauseOf(row: QueueStateRow): Pause | null {
  if (row.paused === 0) return null
  const { paused_at: since, pause_until: until, pause_for_ms: forMs, pause_unload: unload } = row
  return { since: since ?? 0, until, forMs, unload: unload === 1 }
}
