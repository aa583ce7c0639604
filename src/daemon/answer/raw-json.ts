// Owns JSON whose values stay as they were written: objects and arrays taken apart and put together again, without a number
// ever becoming another one (12345678901234567890, 1.0). Pure.

import { decodeJsonString } from '../request/go-text.ts'
import { scanJson } from '../request/json-scan.ts'
import { Growing } from './record-splitter.ts'

/** The members of an object in their order, each value as it was written; of two with one name the last. */
export type RawObject = Map<string, Buffer>

const text = (json: string): Buffer => Buffer.from(json)
const COMMA = text(',')
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/** A value that is made here, not passed on. */
export const rawValue = (value: string | number | null): Buffer => text(JSON.stringify(value))

/** The values are parts of `json`, not copies. Empty for whatever is no object. */
export function rawMembers(json: Buffer | undefined): RawObject {
  const members: RawObject = new Map()
  if (json === undefined) return members
  const scanned = scanJson(json, (keyStart, keyEnd, { start, end }) => {
    members.set(decodeJsonString(json, keyStart, keyEnd), json.subarray(start, end))
  })
  return scanned.kind === 'document' && scanned.value.kind === 'object' ? members : new Map()
}

/** The elements are parts of `json`. Empty for whatever is no array. */
export function rawElements(json: Buffer | undefined): Buffer[] {
  const elements: Buffer[] = []
  if (json === undefined || json[0] !== OPEN_ARRAY) return elements
  for (let at = behindSpace(json, 1); at < json.length && json[at] !== CLOSE_ARRAY; ) {
    const scanned = scanJson(json, undefined, at)
    if (scanned.kind !== 'document') return []
    elements.push(json.subarray(scanned.value.start, scanned.value.end))
    at = behindSpace(json, scanned.value.end)
    if (json[at] === COMMA[0]) at = behindSpace(json, at + 1)
  }
  return elements
}

/** Array whose elements come in pieces, each as it was written. It costs its bytes, however many elements there are. */
export class RawList {
  readonly #elements = new Growing()

  get isEmpty(): boolean {
    return this.#elements.length === 0
  }

  /** The elements of an array. Adds nothing for anything else. The bytes are copied. */
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

function behindSpace(json: Buffer, from: number): number {
  let at = from
  while (at < json.length && (json[at] ?? 0) <= 0x20) at++
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

/** Whether these bytes are one JSON document and nothing else. Unlike JSON.parse it has no limit on their length. */
export function isJsonDocument(bytes: Buffer): boolean {
  const scanned = scanJson(bytes)
  return scanned.kind === 'document' && behindSpace(bytes, scanned.value.end) === bytes.length
}
