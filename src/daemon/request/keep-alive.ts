// The `keep_alive` of a request: its reading as Ollama does it (which values mean zero, so unload at once, and which it refuses; facts:
// api/types.go Duration.UnmarshalJSON of 0.17.4), and the one that is put into a native request without one. Pure.

import { normaliseModel } from '../domain/affinity.ts'
import type { Job } from '../domain/job.ts'
import type { ResidentModel } from '../domain/target-status.ts'
import { goDuration } from '../text/grammar.ts'
import { decodeJsonString } from '../text/json.ts'
import { literalText, type Span } from '../text/json-scan.ts'
import { copyInSlices, type Slices } from '../text/slices.ts'

export type KeepAlive =
  | { readonly kind: 'absent' }
  | { readonly kind: 'zero' }
  | { readonly kind: 'set' }
  | { readonly kind: 'invalid'; readonly message: string }

const INVALID: KeepAlive = {
  kind: 'invalid',
  message: '"keep_alive" must be a duration such as "30m", a number of seconds, or -1 for ever',
}

/** A longer value is left to the target. */
const MAX_READ_BYTES = 4096

/** @param value where the body has it; null if it has none */
export function readKeepAlive(bytes: Uint8Array, value: Span | null): KeepAlive {
  if (value === null || value.kind === 'null') return { kind: 'absent' }
  if (value.end - value.start > MAX_READ_BYTES && (value.kind === 'string' || value.kind === 'number'))
    return { kind: 'set' }
  if (value.kind === 'string') {
    const nanoseconds = goDuration(decodeJsonString(bytes, value.start + 1, value.end - 1))
    // Go holds them in 64 bits, one of which is the sign.
    if (nanoseconds === null || BigInt.asIntN(64, nanoseconds) !== nanoseconds) return INVALID
    return { kind: nanoseconds === 0n ? 'zero' : 'set' }
  }
  if (value.kind === 'number') {
    const seconds = Number(literalText(bytes, value))
    if (!Number.isFinite(seconds)) return { kind: 'set' }
    // A negative number means for ever; less than a nanosecond is zero.
    return { kind: seconds >= 0 && Math.trunc(seconds * 1e9) === 0 ? 'zero' : 'set' }
  }
  return INVALID
}

/** Returns the milliseconds of a value that FOREMAN_KEEP_ALIVE allows: a Go duration, or seconds. */
export function keepAliveMs(keepAlive: string): number {
  const nanoseconds = goDuration(/^\d+$/.test(keepAlive) ? `${keepAlive}s` : keepAlive)
  return Number(nanoseconds ?? 0n) / 1e6
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

/** Returns a copy of the body with the keep_alive right behind the first brace. No other byte changes. */
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
