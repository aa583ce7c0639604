// Owns the few ways in which Go writes and reads text and that callers can see in Ollama's errors: JSON strings with
// broken UTF-8 or lone surrogates, %q. Pure; it must never be stricter than Go is.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const REPLACEMENT = 0xfffd

/** The rune at `at` as Go's utf8.DecodeRune sees it: every byte of a broken sequence is one U+FFFD by itself. */
function runeAt(bytes: Uint8Array, at: number, end: number): { rune: number; size: number } {
  const first = bytes[at] ?? 0
  const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  if (size === 1) return { rune: first, size }
  if (size === 0 || at + size > end) return { rune: REPLACEMENT, size: 1 }
  let rune = first & (0xff >> (size + 1))
  for (let i = 1; i < size; i++) {
    const next = bytes[at + i] ?? 0
    if ((next & 0xc0) !== 0x80) return { rune: REPLACEMENT, size: 1 }
    rune = (rune << 6) | (next & 0x3f)
  }
  const tooLong = (size === 3 && rune < 0x800) || (size === 4 && (rune < 0x10000 || rune > 0x10ffff))
  if (tooLong || (rune >= 0xd800 && rune <= 0xdfff)) return { rune: REPLACEMENT, size: 1 }
  return { rune, size }
}

const ESCAPES: Readonly<Record<number, number>> = { 98: 8, 102: 12, 110: 10, 114: 13, 116: 9 }

/** The four hex digits of a `\uXXXX` at `at`, or -1 where there is no such escape. */
function escapedUnit(bytes: Uint8Array, at: number, end: number): number {
  if (at + 6 > end || bytes[at] !== BACKSLASH || bytes[at + 1] !== 0x75) return -1
  return Number.parseInt(String.fromCharCode(...bytes.subarray(at + 2, at + 6)), 16)
}

/** Up to here a view costs more than its letters one by one: the keys of a body, mostly. */
const SHORT = 32

/** Null: there is something to decode. */
function plainText(bytes: Uint8Array, start: number, end: number): string | null {
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte >= 0x80 || byte === BACKSLASH) return null
    text += String.fromCharCode(byte)
  }
  return text
}

/** The text of the JSON string between two quotes (which are not part of the span). The scanner has said it is valid. */
export function decodeJsonString(bytes: Uint8Array, start: number, end: number): string {
  const plain = end - start <= SHORT ? plainText(bytes, start, end) : null
  if (plain !== null) return plain
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
  if (view.every((byte) => byte < 0x80 && byte !== BACKSLASH)) return view.toString('latin1')
  // Never longer than what it was written as, but for broken bytes: three for one.
  const out = Buffer.allocUnsafe(view.length * 3)
  let length = 0
  const put = (rune: number): void => {
    length += out.write(String.fromCodePoint(rune), length)
  }
  for (let at = 0; at < view.length; ) {
    const byte = view[at] ?? 0
    if (byte !== BACKSLASH) {
      const { rune, size } = runeAt(view, at, view.length)
      put(rune)
      at += size
      continue
    }
    const unit = escapedUnit(view, at, view.length)
    if (unit < 0) {
      const escaped = view[at + 1] ?? 0
      put(ESCAPES[escaped] ?? escaped)
      at += 2
      continue
    }
    at += 6
    const low = unit >= 0xd800 && unit < 0xdc00 ? escapedUnit(view, at, view.length) : -1
    if (low >= 0xdc00 && low < 0xe000) {
      put(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
      at += 6
    } else put(unit >= 0xd800 && unit < 0xe000 ? REPLACEMENT : unit)
  }
  return out.toString('utf8', 0, length)
}

const NAMED: Readonly<Record<string, string>> = {
  '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '"': '\\"', '\\': '\\\\',
} // biome-ignore format: one line a table

const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0')

/** Go's %q (strconv.Quote): what is not printable is escaped. */
export function quoteGo(text: string): string {
  let out = '"'
  for (const char of text.toWellFormed()) {
    const rune = char.codePointAt(0) ?? 0
    if (NAMED[char] !== undefined) out += NAMED[char]
    else if (rune === 0x20 || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) out += char
    else if (rune < 0x80) out += `\\x${hex(rune, 2)}`
    else out += rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`
  }
  return `${out}"`
}

/** One byte as encoding/json shows it in an error: Go takes it for the code point of that number. */
export function quoteByte(byte: number): string {
  if (byte === 0x27) return "'\\''"
  if (byte === QUOTE) return "'\"'"
  return `'${quoteGo(String.fromCharCode(byte)).slice(1, -1)}'`
}
