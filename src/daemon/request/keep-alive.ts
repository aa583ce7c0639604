// Reads `keep_alive` as Ollama does: which values mean zero (unload at once), and Ollama's own words for those it refuses.
// Pure. Facts: api/types.go Duration.UnmarshalJSON of 0.17.4, and Go's time.ParseDuration beneath it.

import { decodeJsonString } from '../text/go-text.ts'
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

/** The package time quotes by bytes, unlike %q. */
function quoteTime(text: string): string {
  const asBytes = (char: string): string =>
    [...Buffer.from(char)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
  return `"${text.replace(/["\\]/g, '\\$&').replace(/[^ -\x7f]/gu, asBytes)}"`
}

/** Whether the text is a duration of nothing, or why it is none. Longer texts than this are no duration anybody means. */
export function readDuration(text: string): KeepAlive {
  const invalid = (what: string): KeepAlive => ({ kind: 'invalid', message: `time: ${what} ${quoteTime(text)}` })
  const negative = text.startsWith('-')
  let rest = /^[+-]/.test(text) ? text.slice(1) : text
  if (rest === '0') return { kind: 'zero' }
  if (rest === '') return invalid('invalid duration')
  let total = 0n
  while (rest !== '') {
    const number = /^(\d*)(?:\.(\d*))?/.exec(rest)
    const whole = (number?.[1] ?? '').replace(/^0+(?=.)/, '')
    const fraction = number?.[2] ?? ''
    if ((number?.[1] ?? '') === '' && fraction === '') return invalid('invalid duration')
    if (whole.length > 19 || BigInt(whole) > LIMIT) return invalid('invalid duration')
    rest = rest.slice(number?.[0].length ?? 0)
    const name = /^[^.\d]*/.exec(rest)?.[0] ?? ''
    if (name === '') return invalid('missing unit in duration')
    const unit = UNITS.get(name)
    if (unit === undefined) return invalid(`unknown unit ${quoteTime(name)} in duration`)
    rest = rest.slice(name.length)
    if (BigInt(whole) > LIMIT / unit) return invalid('invalid duration')
    // Go drops what is left below a nanosecond, and so does the slice: 18 digits are more than the largest unit has.
    const digits = fraction.slice(0, 18)
    total += BigInt(whole) * unit + (BigInt(digits) * unit) / 10n ** BigInt(digits.length)
    if (total > LIMIT) return invalid('invalid duration')
  }
  if (!negative && total === LIMIT) return invalid('invalid duration')
  return { kind: total === 0n ? 'zero' : 'set' }
}

/** A longer value is left to the target: reading it costs more than it can say. */
const MAX_READ_BYTES = 4096

/** Reads a `keep_alive` where it stands in a body; null where the body has none. */
export function readKeepAlive(bytes: Uint8Array, value: Span | null): KeepAlive {
  if (value === null || value.kind === 'null') return { kind: 'absent' }
  if (value.end - value.start > MAX_READ_BYTES && (value.kind === 'string' || value.kind === 'number'))
    return { kind: 'set' }
  if (value.kind === 'string') return readDuration(decodeJsonString(bytes, value.start + 1, value.end - 1))
  if (value.kind === 'number') {
    const seconds = Number(literalText(bytes, value))
    if (!Number.isFinite(seconds)) return { kind: 'set' }
    // Negative is "for ever"; anything below a nanosecond is cut to zero.
    return { kind: seconds >= 0 && Math.trunc(seconds * 1e9) === 0 ? 'zero' : 'set' }
  }
  const type = { object: 'map[string]interface {}', array: '[]interface {}', bool: 'bool' }[value.kind]
  return { kind: 'invalid', message: `Unsupported type: '${type}'` }
}
