// Table of one row for the state of the queue that outlives the process: pause, awake clock, last affinity.

import { CLOUD_AFFINITY } from '../domain/affinity.ts'
import type { Pause } from '../domain/pause.ts'
import type { Statements, Values } from './statement.ts'

/** The state of the queue that outlives the process, beside the jobs. */
export interface QueueState {
  readonly pause: Pause | null
  /** The awake clock (ms) when it was last saved. */
  readonly awake: number
  /** Affinity of the last job sent; null before the first. */
  readonly lastAffinity: string | null
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
  /** When the last swap was, wall ms; null if unknown. */
  readonly swappedAt: number | null
}

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

export function createQueueState({ one, run }: Statements) {
  // The newest job may have been created after the last claim, so its awake time may be later.
  const read = one<QueueStateRow>(
    `SELECT paused, paused_at, pause_until, pause_for_ms, pause_unload, last_affinity, swapped_awake, swapped_at,
       max(awake, coalesce((SELECT created_awake FROM jobs ORDER BY sequence DESC LIMIT 1), 0)) AS awake
     FROM queue_state`,
  )
  const setPause = run<Values>(
    `UPDATE queue_state SET paused = $paused, paused_at = $since, pause_until = $until, pause_for_ms = $forMs,
       pause_unload = $unload`,
  )
  const last = one<{ last_affinity: string | null; newest_affinity: string | null }>(
    'SELECT last_affinity, newest_affinity FROM queue_state',
  )
  const swap = run<{ affinity: string; awake: number; now: number }>(
    'UPDATE queue_state SET last_affinity = $affinity, swapped_awake = $awake, awake = $awake, swapped_at = $now',
  )
  const stay = run<{ awake: number }>('UPDATE queue_state SET awake = $awake')
  const enqueued = run<{ affinity: string }>('UPDATE queue_state SET newest_affinity = $affinity')

  return {
    read(): QueueState {
      const row = read()
      if (row === null) throw new Error('queue_state has no row')
      const { awake, last_affinity: lastAffinity, swapped_awake: swappedAwake, swapped_at: swappedAt } = row
      return { pause: pauseOf(row), awake, lastAffinity, swappedAwake, swappedAt }
    },
    setPause(pause: Pause | null): void {
      const { since = null, until = null, forMs = null, unload = false } = pause ?? {}
      setPause({ paused: pause === null ? 0 : 1, since, until, forMs, unload: unload ? 1 : 0 })
    },
    /** Saves that a job of `affinity` was sent. Returns whether the target swaps models for it. */
    sent(affinity: string, awake: number, now: number): boolean {
      const swaps = affinity !== CLOUD_AFFINITY && affinity !== last()?.last_affinity
      if (swaps) swap({ affinity, awake, now })
      else stay({ awake })
      return swaps
    },
    /** Saves that a job of `affinity` was enqueued. Returns whether first-in-first-out would swap models for it. */
    enqueued(affinity: string): boolean {
      if (affinity === CLOUD_AFFINITY || affinity === last()?.newest_affinity) return false
      enqueued({ affinity })
      return true
    },
    /** Writes so many bytes, to see whether the disk is full. Null deletes them. */
    setDiskProbe: run<{ bytes: number | null }>(
      'UPDATE queue_state SET ballast = CASE WHEN $bytes IS NULL THEN NULL ELSE zeroblob($bytes) END',
    ),
  }
}

/** `since` is 0 for a pause that an older foreman wrote without its time. */
function pauseOf(row: QueueStateRow): Pause | null {
  if (row.paused === 0) return null
  const { paused_at: since, pause_until: until, pause_for_ms: forMs, pause_unload: unload } = row
  return { since: since ?? 0, until, forMs, unload: unload === 1 }
}
