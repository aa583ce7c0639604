// Owns what foreman knows of the target: reachable or not since when, and the last inventory. Pure values; the prober
// replaces them whole. An unreachable target keeps its last inventory (that is what answers while it sleeps).

import { normaliseModel } from './affinity.ts'

export interface InstalledModel {
  readonly name: string
  readonly digest: string
  readonly modifiedAt: string
}

export interface ResidentModel {
  readonly name: string
  /** Bytes in memory, of the GPU and of the machine; 0 if the target does not say. */
  readonly size: number
  /** Bytes in the memory of the GPU: 0 on a machine without one. */
  readonly sizeVram: number
  readonly contextLength: number | null
  /** RFC 3339 as Ollama wrote it. */
  readonly expiresAt: string
}

export interface Inventory {
  /** The bodies of /api/tags and /api/ps, byte for byte. */
  readonly tags: Buffer
  readonly ps: Buffer
  readonly version: string
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
  /** Why it is unreachable, in words. */
  readonly reason: string | null
  /** Null before the first successful probe. */
  readonly inventory: Inventory | null
}

export const UNKNOWN_TARGET: TargetStatus = { reachable: null, since: 0, reason: null, inventory: null }

/** Whether the inventory shows the model; null when there is none to ask. */
export function isInstalled(model: string, status: TargetStatus): boolean | null {
  if (status.inventory === null) return null
  return status.inventory.installed.has(normaliseModel(model))
}
