// Decoder of JSON strings as Go reads them: broken UTF-8 and lone surrogates become U+FFFD. Pure; it must never be stricter than
// Go is.

const BACKSLASH = 0x5c
const REPLACEMENT = 0xfffd

/** Returns the rune at `at` as Go's utf8.DecodeRune does: each byte of a broken sequence is one U+FFFD. */
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

/** Returns the value of the `\uXXXX` at `at`, or -1 for anything else. */
function escapedUnit(bytes: Uint8Array, at: number, end: number): number {
  if (at + 6 > end || bytes[at] !== BACKSLASH || bytes[at + 1] !== 0x75) return -1
  return Number.parseInt(String.fromCharCode(...bytes.subarray(at + 2, at + 6)), 16)
}

/** Up to this length, which most keys of a body have, a view costs more than reading the characters one by one. */
const SHORT = 32

/** Returns null if there is something to decode. */
function plainText(bytes: Uint8Array, start: number, end: number): string | null {
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte >= 0x80 || byte === BACKSLASH) return null
    text += String.fromCharCode(byte)
  }
  return text
}

/** Returns the text of a JSON string that the scanner found valid. The span is without its quotes. */
export function decodeJsonString(bytes: Uint8Array, start: number, end: number): string {
  const plain = end - start <= SHORT ? plainText(bytes, start, end) : null
  if (plain !== null) return plain
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
  if (view.every((byte) => byte < 0x80 && byte !== BACKSLASH)) return view.toString('latin1')
  // The text is never longer than its JSON, except for broken bytes, of which each becomes three.
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
