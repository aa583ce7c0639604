// Reads `keep_alive` as Ollama does: which values mean zero (unload at once), and which it refuses. Pure. Facts: api/types.go
// Duration.UnmarshalJSON of 0.17.4, and Go's time.ParseDuration.

import { decodeJsonString } from '../text/json.ts'
import { literalText, type Span } from '../text/json-scan.ts'

export type KeepAlive =
  | { readonly kind: 'absent' }
  | { readonly kind: 'zero' }
  | { readonly kind: 'set' }
  | { readonly kind: 'invalid'; readonly message: string }

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
])

/** Nanoseconds a Go duration can hold, on the negative side; one less on the positive. */
const LIMIT = 1n << 63n

const INVALID: KeepAlive = {
  kind: 'invalid',
  message: '"keep_alive" must be a duration such as "30m", a number of seconds, or -1 for ever',
}

/** Reads a duration as Go does. */
export function readDuration(text: string): KeepAlive {
  const negative = text.startsWith('-')
  let rest = /^[+-]/.test(text) ? text.slice(1) : text
  if (rest === '0') return { kind: 'zero' }
  if (rest === '') return INVALID
  let total = 0n
  while (rest !== '') {
    const [all = '', digits = '', fraction = '', name = ''] = /^(\d*)(?:\.(\d*))?([^.\d]*)/.exec(rest) ?? []
    const whole = digits.replace(/^0+(?=.)/, '')
    const unit = UNITS.get(name)
    if ((digits === '' && fraction === '') || unit === undefined) return INVALID
    if (whole.length > 19 || BigInt(whole) > LIMIT / unit) return INVALID
    rest = rest.slice(all.length)
    // Go drops what is below a nanosecond. 18 digits are more than the largest unit has.
    const kept = fraction.slice(0, 18)
    total += BigInt(whole) * unit + (BigInt(kept) * unit) / 10n ** BigInt(kept.length)
    if (total > LIMIT) return INVALID
  }
  if (!negative && total === LIMIT) return INVALID
  return { kind: total === 0n ? 'zero' : 'set' }
}

/** A longer value is left to the target. */
const MAX_READ_BYTES = 4096

/** @param value where the body has it; null if it has none */
export function readKeepAlive(bytes: Uint8Array, value: Span | null): KeepAlive {
  if (value === null || value.kind === 'null') return { kind: 'absent' }
  if (value.end - value.start > MAX_READ_BYTES && (value.kind === 'string' || value.kind === 'number'))
    return { kind: 'set' }
  if (value.kind === 'string') return readDuration(decodeJsonString(bytes, value.start + 1, value.end - 1))
  if (value.kind === 'number') {
    const seconds = Number(literalText(bytes, value))
    if (!Number.isFinite(seconds)) return { kind: 'set' }
    // A negative number means for ever; less than a nanosecond is zero.
    return { kind: seconds >= 0 && Math.trunc(seconds * 1e9) === 0 ? 'zero' : 'set' }
  }
  return INVALID
}
