// Known state of the target: whether and since when it is reachable, and its last inventory. Pure values; the prober
// replaces them as a whole. The last inventory of an unreachable target is kept: it answers requests meanwhile.

import { normaliseModel } from './affinity.ts'

export interface InstalledModel {
  readonly name: string
  readonly digest: string
  readonly modifiedAt: string
}

export interface ResidentModel {
  readonly name: string
  /** Bytes in GPU and main memory together; 0 if the target does not say. */
  readonly size: number
  /** Bytes in GPU memory; 0 on a machine without a GPU. */
  readonly sizeVram: number
  readonly contextLength: number | null
  /** RFC 3339, as Ollama wrote it. */
  readonly expiresAt: string
}

/** The answers of a probe. */
export interface Snapshot {
  /** The bodies of /api/tags and /api/ps, byte for byte. */
  readonly tags: Buffer
  readonly ps: Buffer
  readonly version: string
}

export interface Inventory extends Snapshot {
  /** By normalised name. */
  readonly installed: ReadonlyMap<string, InstalledModel>
  readonly resident: readonly ResidentModel[]
  /** Clock.monotonic() and Clock.now() of the probe. */
  readonly probedAt: number
  readonly probedWall: number
}

export interface TargetStatus {
  /** Null before the first probe has ended. */
  readonly reachable: boolean | null
  /** Clock.monotonic() of the last change of `reachable`. */
  readonly since: number
  /** Why it is unreachable, as a text. */
  readonly reason: string | null
  /** Null before the first successful probe. */
  readonly inventory: Inventory | null
}

export const UNKNOWN_TARGET: TargetStatus = { reachable: null, since: 0, reason: null, inventory: null }

/** Whether the inventory contains the model; null without an inventory. */
export function isInstalled(model: string, status: TargetStatus): boolean | null {
  if (status.inventory === null) return null
  return status.inventory.installed.has(normaliseModel(model))
}
