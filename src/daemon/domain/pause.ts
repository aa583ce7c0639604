// Pause of the queue: its start, its end, and whether the target's models are to be unloaded. Pure.

import type { UnloadDocument } from '../../protocol/wire.ts'

export interface Pause {
  /** When the queue was paused, wall ms. A later pause request keeps it. */
  readonly since: number
  /** When it ends by itself, wall ms; null if only `resume` ends it. */
  readonly until: number | null
  /** The requested duration; null if `until` is null. */
  readonly forMs: number | null
  /** The resident models still have to be unloaded. */
  readonly unload: boolean
}

/** A caller's request. */
export type PauseRequest = Pick<Pause, 'forMs' | 'unload'>

/** Result of an unload. */
export interface UnloadReport extends Readonly<Omit<UnloadDocument, 'still_loaded'>> {
  /** Models that `/api/ps` listed last. */
  readonly resident: readonly string[]
}

/** Returns the pause after `request`. */
export function pauseAfter(before: Pause | null, { forMs, unload }: PauseRequest, now: number): Pause {
  return {
    since: before?.since ?? now,
    until: forMs === null ? null : now + forMs,
    forMs,
    unload: unload || (before?.unload ?? false),
  }
}

/** Milliseconds until it ends by itself; null without an end. A clock that was set back must not make it longer. */
export function pauseLeftMs({ until, forMs }: Pause, now: number): number | null {
  return until === null ? null : Math.max(0, Math.min(until - now, forMs ?? 0))
}
