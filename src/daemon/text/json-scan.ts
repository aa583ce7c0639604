// JSON scanner over bytes: whether Go's encoding/json would read a body, and where the members of its top-level object are. It
// builds no values and no string of the body; it is iterative, linear, and runs in slices.

import { runAtOnce, SLICE_BYTES, type Slices } from './slices.ts'

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'bool' | 'null'

/** Where a value stands: from its first byte to behind its last (a string with its quotes). */
export interface Span {
  readonly kind: JsonKind
  readonly start: number
  readonly end: number
}

export type JsonScan =
  /** Only white space. */
  | { readonly kind: 'empty' }
  /** `message` says what is wrong and where, as it may be shown to the caller. */
  | { readonly kind: 'broken'; readonly message: string }
  /** The first document. What follows it is not read, as in Go's Decoder. */
  | { readonly kind: 'document'; readonly value: Span }

/** Called for each member of a top-level object, in order; the key's span is without its quotes. */
export type OnMember = (keyStart: number, keyEnd: number, value: Span) => void

/** encoding/json's maxNestingDepth. */
const MAX_DEPTH = 10_000

/** Room for the maximum depth would cost more than the scan of a short body. */
const USUAL_DEPTH = 32

const OBJECT = 1
const ARRAY = 2

/** Bytes at which a string must be examined: its end, an escape, or a byte that is not allowed. 100 MiB take 90 ms. */
const STOPS = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 0x20 || byte === 0x22 || byte === 0x5c ? 1 : 0))

const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('bfnrt\\/"'))

const LITERALS: Readonly<Record<number, string>> = { 116: 'true', 102: 'false', 110: 'null' }

/** Kind of a valid value, by its first byte. */
const KINDS: Readonly<Record<number, JsonKind>> = {
  123: 'object', 91: 'array', 34: 'string', 116: 'bool', 102: 'bool', 110: 'null',
} // biome-ignore format: one line a table

const kindOf = (first: number | undefined): JsonKind => KINDS[first ?? 0] ?? 'number'
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
const isHex = (byte: number): boolean =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)

/** Ends the scan. Never leaves this file. */
class Broken extends Error {}

function unexpected(bytes: Uint8Array, at: number): Broken {
  const byte = bytes[at] ?? 0
  const shown = byte > 0x20 && byte < 0x7f ? JSON.stringify(String.fromCharCode(byte)) : `byte ${byte}`
  return new Broken(`invalid JSON: unexpected ${shown} at position ${at}`)
}

/** Returns the byte at `at`. Throws if the document ends before it. */
function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new Broken('invalid JSON: it ends in the middle of a value')
  return byte
}

/** Returns the first byte of a string that must be examined. As a function of its own it is three times as fast. */
function nextStop(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  // In bounds, so never undefined.
  while (at < end && STOPS[bytes[at] as number] === 0) at++
  return at
}

/**
 * Returns the index behind the closing quote of the string whose inside begins, or goes on, at `from`. A string that is
 * longer than `limit` gives `~index`: where to go on, never inside an escape.
 */
function endOfString(bytes: Uint8Array, from: number, limit: number): number {
  let at = from
  const end = Math.min(bytes.length, limit)
  for (;;) {
    at = nextStop(bytes, at, end)
    if (at >= limit) return ~at
    const byte = byteAt(bytes, at)
    if (byte === 0x22) return at + 1
    if (byte !== 0x5c) throw unexpected(bytes, at)
    const escaped = byteAt(bytes, at + 1)
    at += 2
    if (escaped === 0x75) {
      for (const last = at + 4; at < last; at++) {
        if (!isHex(byteAt(bytes, at))) throw unexpected(bytes, at)
      }
    } else if (!ESCAPED.has(escaped)) throw unexpected(bytes, at - 1)
  }
}

/** A number that is being read: which of its parts, and where. */
interface NumberCursor {
  at: number
  part: typeof START | typeof WHOLE | typeof FRACTION | typeof EXPONENT
}

const START = 0
const WHOLE = 1
const FRACTION = 2
const EXPONENT = 3

/** Moves over the digits from `cursor.at` on. Returns whether it came to their end before `limit`. */
function skipDigits(bytes: Uint8Array, cursor: NumberCursor, limit: number): boolean {
  let { at } = cursor
  while (at < limit && isDigit(bytes[at] ?? 0)) at++
  cursor.at = at
  return at < limit
}

/** Enters a part that must begin with a digit. */
function enter(bytes: Uint8Array, cursor: NumberCursor, part: NumberCursor['part']): void {
  if (!isDigit(byteAt(bytes, cursor.at))) throw unexpected(bytes, cursor.at)
  cursor.part = part
}

/** Moves over a number. Returns whether it came to its end; if not, it goes on from the cursor. */
function skipNumber(bytes: Uint8Array, cursor: NumberCursor, limit: number): boolean {
  if (cursor.part === START) {
    if (bytes[cursor.at] === 0x2d) cursor.at++
    if (byteAt(bytes, cursor.at) === 0x30) {
      cursor.at++
      cursor.part = WHOLE
      // Only a point or an exponent follows a leading zero.
      if (isDigit(bytes[cursor.at] ?? 0)) return true
    } else enter(bytes, cursor, WHOLE)
  }
  if (cursor.part === WHOLE) {
    if (!skipDigits(bytes, cursor, limit)) return false
    if (bytes[cursor.at] === 0x2e) {
      cursor.at++
      enter(bytes, cursor, FRACTION)
    }
  }
  if (cursor.part === FRACTION && !skipDigits(bytes, cursor, limit)) return false
  if (cursor.part !== EXPONENT) {
    if (bytes[cursor.at] !== 0x65 && bytes[cursor.at] !== 0x45) return true
    cursor.at++
    if (bytes[cursor.at] === 0x2b || bytes[cursor.at] === 0x2d) cursor.at++
    enter(bytes, cursor, EXPONENT)
  }
  return skipDigits(bytes, cursor, limit)
}

function endOfLiteral(bytes: Uint8Array, from: number, text: string): number {
  for (let i = 1; i < text.length; i++) {
    const byte = byteAt(bytes, from + i)
    if (byte !== text.charCodeAt(i)) throw unexpected(bytes, from + i)
  }
  return from + text.length
}

/** What the scan expects next. Numbers, because strings cost a fifth of the speed. */
const VALUE = 0
const VALUE_OR_END = 1
const KEY = 2
const KEY_OR_END = 3
const COLON = 4
const SEPARATOR = 5

function* scan(bytes: Uint8Array, from: number, onMember: OnMember): Slices<Span> {
  let nesting: Uint8Array = new Uint8Array(USUAL_DEPTH)
  let depth = 0
  let inObject = false
  let expects = VALUE
  let at = from
  // Where this slice began, and where it ends.
  let begun = from
  let limit = from + SLICE_BYTES
  const number: NumberCursor = { at: 0, part: START }
  // The member of the top-level object that is being read.
  let keyStart = 0
  let keyEnd = 0
  let valueStart = from

  for (;;) {
    while (isSpace(bytes[at] ?? 0) && at < limit) at++
    if (at >= limit) {
      yield at - begun
      begun = at
      limit = at + SLICE_BYTES
      continue
    }
    const byte = byteAt(bytes, at)
    let ended = false

    if (expects <= VALUE_OR_END && !(expects === VALUE_OR_END && byte === 0x5d)) {
      if (depth === 1) valueStart = at
      if (byte === 0x7b || byte === 0x5b) {
        if (depth === MAX_DEPTH) throw new Broken(`invalid JSON: nested more than ${MAX_DEPTH} deep`)
        inObject = byte === 0x7b
        if (++depth === nesting.length) nesting = Buffer.concat([nesting], depth * 4)
        nesting[depth] = inObject ? OBJECT : ARRAY
        expects = inObject ? KEY_OR_END : VALUE_OR_END
        at++
      } else {
        if (byte === 0x22) {
          at = endOfString(bytes, at + 1, limit)
          while (at < 0) {
            at = ~at
            yield at - begun
            begun = at
            limit = at + SLICE_BYTES
            at = endOfString(bytes, at, limit)
          }
        } else if (byte === 0x2d || isDigit(byte)) {
          number.at = at
          number.part = START
          while (!skipNumber(bytes, number, limit)) {
            yield number.at - begun
            begun = number.at
            limit = begun + SLICE_BYTES
          }
          at = number.at
        } else {
          const text = LITERALS[byte]
          if (text === undefined) throw unexpected(bytes, at)
          at = endOfLiteral(bytes, at, text)
        }
        ended = true
      }
    } else if (expects === COLON) {
      if (byte !== 0x3a) throw unexpected(bytes, at)
      at++
      expects = VALUE
    } else if (expects !== KEY && byte === (inObject ? 0x7d : 0x5d)) {
      at++
      inObject = nesting[--depth] === OBJECT
      ended = true
    } else if (expects === SEPARATOR) {
      if (byte !== 0x2c) throw unexpected(bytes, at)
      at++
      expects = inObject ? KEY : VALUE
    } else {
      if (byte !== 0x22) throw unexpected(bytes, at)
      const start = at + 1
      at = endOfString(bytes, start, limit)
      while (at < 0) {
        at = ~at
        yield at - begun
        begun = at
        limit = at + SLICE_BYTES
        at = endOfString(bytes, at, limit)
      }
      if (depth === 1) {
        keyStart = start
        keyEnd = at - 1
      }
      expects = COLON
    }

    if (ended) {
      if (depth === 0) return { kind: kindOf(bytes[from]), start: from, end: at }
      if (depth === 1 && inObject)
        onMember(keyStart, keyEnd, { kind: kindOf(bytes[valueStart]), start: valueStart, end: at })
      expects = SEPARATOR
    }
  }
}

/** Returns the index of the first byte from `from` on that is not white space. */
export function* skipSpace(bytes: Uint8Array, from: number): Slices<number> {
  let at = from
  for (let limit = from + SLICE_BYTES; ; limit += SLICE_BYTES) {
    while (isSpace(bytes[at] ?? 0) && at < limit) at++
    if (at < limit) return at
    yield SLICE_BYTES
  }
}

/** A number, `true` or `false` as it is written. */
export function literalText(bytes: Uint8Array, { start, end }: Span): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}

/** Reads the first JSON document in `bytes` from `from` on, in slices. */
export function* scanJsonInSlices(bytes: Uint8Array, onMember: OnMember = () => {}, from = 0): Slices<JsonScan> {
  const start = yield* skipSpace(bytes, from)
  if (start >= bytes.length) return { kind: 'empty' }
  try {
    return { kind: 'document', value: yield* scan(bytes, start, onMember) }
  } catch (error) {
    if (error instanceof Broken) return { kind: 'broken', message: error.message }
    throw error
  }
}

/** The same at once: for bytes that are bounded elsewhere. */
export function scanJson(bytes: Uint8Array, onMember?: OnMember, from?: number): JsonScan {
  return runAtOnce(scanJsonInSlices(bytes, onMember, from))
}
