// Matching of JSON keys as Go's encoding/json does it: without regard to case, and on the bytes of the body. Pure. It decodes no
// key: a body of 95 MiB may hold 16 million keys that foreman does not read.

const BACKSLASH = 0x5c

export interface KeyMatching {
  /** Whether `A` is `a`, as for the fields of a Go struct; keys of a Go map are compared exactly. Default: true. */
  readonly folds?: boolean
  /** Characters of the body's keys that are ignored. Default: none. */
  readonly ignores?: string
}

/** Keys by name, to be looked up by their bytes in a body. */
export class KeyTable<K extends string> {
  readonly #folds: boolean
  readonly #ignores: readonly number[]
  /** By first character, as it is compared. */
  readonly #byFirst = new Map<number, [name: string, key: K][]>()
  readonly #longest: number

  /** @param keys lower-case ASCII. Each is found without its ignored characters */
  constructor(keys: readonly K[], { folds = true, ignores = '' }: KeyMatching = {}) {
    this.#folds = folds
    this.#ignores = [...Buffer.from(ignores)]
    let longest = 0
    for (const key of keys) {
      const name = [...key].filter((char) => !ignores.includes(char)).join('')
      const first = name.charCodeAt(0)
      this.#byFirst.set(first, [...(this.#byFirst.get(first) ?? []), [name, key]])
      longest = Math.max(longest, name.length)
    }
    // Six bytes for each letter, if all are escaped, and as many ignored characters.
    this.#longest = longest * 6 * (ignores === '' ? 1 : 2)
  }

  /** Returns the key that the JSON string between `start` and `end` (without its quotes) is, or null. */
  find(bytes: Uint8Array, start: number, end: number): K | null {
    if (end - start > this.#longest) return null
    // The first character decides most keys at once.
    let first = -1
    for (let at = start; at < end && first < 0; ) {
      const read = unitAt(bytes, at, end)
      if (read < 0) return null
      at += read & SIZE
      if (!this.#ignores.includes(read >> SIZE_BITS)) first = this.#compared(read >> SIZE_BITS)
    }
    const named = this.#byFirst.get(first)
    if (named === undefined) return null
    for (const [name, key] of named) if (this.#is(name, bytes, start, end)) return key
    return null
  }

  #compared(unit: number): number {
    return this.#folds ? folded(unit) : unit
  }

  #is(name: string, bytes: Uint8Array, start: number, end: number): boolean {
    let matched = 0
    for (let at = start; at < end; ) {
      const read = unitAt(bytes, at, end)
      if (read < 0) return false
      at += read & SIZE
      const unit = read >> SIZE_BITS
      if (this.#ignores.includes(unit)) continue
      if (matched === name.length || this.#compared(unit) !== name.charCodeAt(matched)) return false
      matched += 1
    }
    return matched === name.length
  }
}

/** Where `unitAt` has the number of bytes, below the character. */
const SIZE_BITS = 3
const SIZE = 0b111

/** Returns the character at `at` and its number of bytes, in one number; -1 for a character that no ASCII name can match. */
function unitAt(bytes: Uint8Array, at: number, end: number): number {
  const byte = bytes[at] as number
  if (byte < 0x80 && byte !== BACKSLASH) return (byte << SIZE_BITS) | 1
  if (byte === BACKSLASH) {
    if (bytes[at + 1] !== 0x75 || at + 6 > end) return -1
    let unit = 0
    for (let i = at + 2; i < at + 6; i++) unit = (unit << 4) | hexDigit(bytes[i] as number)
    return (unit << SIZE_BITS) | 6
  }
  if (byte === 0xc5 && bytes[at + 1] === 0xbf && at + 2 <= end) return (LONG_S << SIZE_BITS) | 2
  const isKelvin = byte === 0xe2 && bytes[at + 1] === 0x84 && bytes[at + 2] === 0xaa && at + 3 <= end
  return isKelvin ? (KELVIN << SIZE_BITS) | 3 : -1
}

/** Returns the value of a hex digit that the scanner has checked. */
const hexDigit = (byte: number): number => (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57)

const LONG_S = 0x17f
const KELVIN = 0x212a

/**
 * Folds as Go does (unicode.SimpleFold), if the result is an ASCII letter: A–Z, U+017F (ſ) and U+212A (the Kelvin sign). A real
 * Ollama was seen to read `{"ſtream":…}` as `stream`.
 */
function folded(unit: number): number {
  if (unit >= 0x41 && unit <= 0x5a) return unit | 0x20
  if (unit === LONG_S) return 0x73
  return unit === KELVIN ? 0x6b : unit
}
