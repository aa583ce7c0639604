// The `keep_alive` that is put into a native request without one, at the moment it is sent. Pure; no other byte is changed.

import { normaliseModel } from '../domain/affinity.ts'
import type { Job } from '../domain/job.ts'
import type { ResidentModel } from '../domain/target-status.ts'
import { copyInSlices, type Slices } from '../text/slices.ts'

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Returns the milliseconds of a value that FOREMAN_KEEP_ALIVE allows: a Go duration, or seconds. */
export function keepAliveMs(keepAlive: string): number {
  if (/^\d+$/.test(keepAlive)) return Number(keepAlive) * 1_000
  let ms = 0
  for (const [, amount, unit = ''] of keepAlive.matchAll(/([\d.]+)([a-z]+)/g))
    ms += Number(amount) * (UNIT_MS[unit] ?? 0)
  return ms
}

/**
 * Returns whether the job gets `keepAlive`: it has none, and the target will not keep its model for longer anyway. A model that
 * was pinned by `keep_alive: -1` or OLLAMA_KEEP_ALIVE stays pinned.
 *
 * @param resident the models of `/api/ps`, asked just now
 * @param now wall ms
 */
export function takesKeepAlive(
  { lacksKeepAlive, model }: Pick<Job, 'lacksKeepAlive' | 'model'>,
  keepAlive: string,
  resident: readonly ResidentModel[],
  now: number,
): boolean {
  if (!lacksKeepAlive) return false
  const name = normaliseModel(model)
  const held = resident.find((one) => normaliseModel(one.name) === name)
  return held === undefined || !(Date.parse(held.expiresAt) > now + keepAliveMs(keepAlive))
}

/** Returns a copy of the body with the keep_alive right behind the first brace. */
export function* withKeepAlive(body: Uint8Array, keepAlive: string): Slices<Uint8Array<ArrayBuffer>> {
  const at = body.indexOf(0x7b) + 1
  // Ollama reads a bare number as seconds, but not inside a string.
  const value = /^-?\d+$/.test(keepAlive) ? keepAlive : JSON.stringify(keepAlive)
  const member = Buffer.from(`"keep_alive":${value},`)
  const edited = Buffer.allocUnsafe(body.byteLength + member.byteLength)
  yield* copyInSlices(edited, 0, body.subarray(0, at))
  edited.set(member, at)
  yield* copyInSlices(edited, at + member.byteLength, body.subarray(at))
  return edited
}
