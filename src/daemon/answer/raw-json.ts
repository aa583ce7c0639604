// JSON whose values stay as they were written: it takes objects and arrays apart and joins them again, so that numbers do not
// change (12345678901234567890, 1.0). Pure.

import { GrowableBuffer } from '../text/byte-buffers.ts'
import { decodeJsonString } from '../text/json.ts'
import { scanJson } from '../text/json-scan.ts'

/** Members of an object in order, each value as it was written. Of two with the same name, the last. */
export type RawObject = Map<string, Buffer>

const text = (json: string): Buffer => Buffer.from(json)
const COMMA = text(',')
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/** Writes a value that foreman itself makes. */
export const rawValue = (value: string | number | null): Buffer => text(JSON.stringify(value))

/**
 * Returns the members, or those with these names; the values are parts of `json`, not copies. Empty for anything but an object.
 */
export function rawMembers(json: Buffer | undefined, names?: readonly string[]): RawObject {
  const members: RawObject = new Map()
  if (json === undefined) return members
  // Every character of a key may be written as an escape of six.
  const longest = 6 * Math.max(...(names ?? []).map((name) => name.length))
  const scanned = scanJson(json, (keyStart, keyEnd, { start, end }) => {
    if (names !== undefined && keyEnd - keyStart > longest) return
    const key = decodeJsonString(json, keyStart, keyEnd)
    if (names === undefined || names.includes(key)) members.set(key, json.subarray(start, end))
  })
  return scanned.kind === 'document' ? members : new Map()
}

/** Returns the value of one member of an object, a part of `json`, or undefined. */
export const rawMember = (json: Buffer | undefined, name: string): Buffer | undefined =>
  rawMembers(json, [name]).get(name)

/** Yields the elements, each a part of `json`. None for anything but an array; ends where the array is invalid. */
export function* rawElementsIn(json: Buffer | undefined): Generator<Buffer> {
  if (json === undefined || json[0] !== OPEN_ARRAY) return
  for (let at = behindSpace(json, 1); at < json.length && json[at] !== CLOSE_ARRAY; ) {
    const scanned = scanJson(json, undefined, at)
    if (scanned.kind !== 'document') return
    yield json.subarray(scanned.value.start, scanned.value.end)
    at = behindSpace(json, scanned.value.end)
    if (json[at] === COMMA[0]) at = behindSpace(json, at + 1)
  }
}

export const rawElements = (json: Buffer | undefined): Buffer[] => [...rawElementsIn(json)]

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LETTER_U = 0x75
/** How many bytes of a string are decoded at a time: decoded whole, it would be a string in the heap. */
const MAX_DECODED_BYTES = 1024 ** 2

/** Returns the text of a JSON string as UTF-8, or undefined for anything else. */
export function rawText(json: Buffer | undefined): Buffer | undefined {
  const text = new GrowableBuffer()
  return addText(json, text) ? text.take() : undefined
}

/** Adds the text of a JSON string to `text`. Returns whether it is one. */
export function addText(json: Buffer | undefined, text: GrowableBuffer): boolean {
  if (json === undefined || json.length < 2 || json[0] !== QUOTE || json.at(-1) !== QUOTE) return false
  const inside = json.subarray(1, -1)
  for (let from = 0; from < inside.length; ) {
    const to = pieceEnd(inside, from)
    try {
      text.add(Buffer.from(JSON.parse(`"${inside.toString('utf8', from, to)}"`) as string))
    } catch {
      return false
    }
    from = to
  }
  return true
}

/** Returns where a piece may end: not inside a character, an escape, or two escapes that are one character. */
function pieceEnd(inside: Buffer, from: number): number {
  const limit = Math.min(inside.length, from + MAX_DECODED_BYTES)
  let to = limit
  for (let at = inside.subarray(from, limit).indexOf(BACKSLASH); at !== -1; ) {
    at += from
    const isUnit = inside[at + 1] === LETTER_U
    const isPair =
      isUnit && /^[dD][89abAB]/.test(inside.toString('latin1', at + 2, at + 4)) && inside[at + 6] === BACKSLASH
    const end = at + (isPair && inside[at + 7] === LETTER_U ? 12 : isUnit ? 6 : 2)
    if (end >= limit) return Math.min(end, inside.length)
    const next = inside.subarray(end, limit).indexOf(BACKSLASH)
    at = next === -1 ? -1 : end + next - from
  }
  while (to < inside.length && ((inside[to] ?? 0) & 0xc0) === 0x80) to++
  return to
}

/** Array whose elements come in pieces, each as it was written. It takes only the memory of its bytes. */
export class RawList {
  readonly #elements = new GrowableBuffer()

  get isEmpty(): boolean {
    return this.#elements.length === 0
  }

  /** Adds the elements of an array, and nothing for anything else. The bytes are copied. */
  add(array: Buffer | undefined): void {
    if (array === undefined || array[0] !== OPEN_ARRAY || array.at(-1) !== CLOSE_ARRAY) return
    const from = behindSpace(array, 1)
    if (from < array.length - 1) this.addElement(array.subarray(from, -1))
  }

  addElement(json: Buffer): void {
    if (!this.isEmpty) this.#elements.add(COMMA)
    this.#elements.add(json)
  }

  get json(): Buffer {
    return Buffer.concat([text('['), this.#elements.bytes, text(']')])
  }
}

/** White space of JSON. Other control characters are invalid between values. */
const SPACES: readonly number[] = [0x20, 0x09, 0x0a, 0x0d]

function behindSpace(json: Buffer, from: number): number {
  let at = from
  while (SPACES.includes(json[at] ?? 0)) at++
  return at
}

export function rawObject(members: RawObject): Buffer {
  const pieces = [...members].map(([name, value]) => Buffer.concat([text(`${JSON.stringify(name)}:`), value]))
  return enclosed('{', pieces, '}')
}

export const rawArray = (elements: readonly Buffer[]): Buffer => enclosed('[', elements, ']')

function enclosed(open: string, pieces: readonly Buffer[], close: string): Buffer {
  const separated = pieces.flatMap((piece, index) => (index === 0 ? [piece] : [COMMA, piece]))
  return Buffer.concat([text(open), ...separated, text(close)])
}

/** Returns whether these bytes are one JSON document and nothing else. Unlike JSON.parse it has no maximum length. */
export function isJsonDocument(bytes: Buffer): boolean {
  const scanned = scanJson(bytes)
  return scanned.kind === 'document' && behindSpace(bytes, scanned.value.end) === bytes.length
}
