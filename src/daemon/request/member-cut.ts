// Removal of members from the bytes of a JSON object, with the right commas and every other byte unchanged. Pure. It parses
// nothing, and relies on the positions that the scanner gave.

import { copyInSlices, type Slices } from '../text/slices.ts'

/** Extent of a member: from its key's opening quote to behind its value. */
export interface Extent {
  readonly start: number
  readonly end: number
}

/**
 * Returns `bytes` without `members` (in order). `lastKept` is the last member that stays, or null. The other members need not be
 * known: a body may hold millions.
 */
export function* cutMembers(
  bytes: Uint8Array<ArrayBuffer>,
  members: readonly Extent[],
  lastKept: Extent | null,
): Slices<Uint8Array<ArrayBuffer>> {
  const cuts = cutsOf(bytes, members, lastKept)
  const left = new Uint8Array(bytes.byteLength - cuts.reduce((sum, { start, end }) => sum + end - start, 0))
  let read = 0
  let written = 0
  for (const { start, end } of [...cuts, { start: bytes.byteLength, end: bytes.byteLength }]) {
    yield* copyInSlices(left, written, bytes.subarray(read, start))
    written += start - read
    read = end
  }
  return left
}

const COMMA = 0x2c

/** A member is removed with the comma behind it; the last ones, behind which no member stays, with the comma before them. */
function cutsOf(bytes: Uint8Array, members: readonly Extent[], lastKept: Extent | null): readonly Extent[] {
  const isInside = ({ start }: Extent): boolean => lastKept !== null && start < lastKept.start
  const cuts = members.filter(isInside).map(({ start, end }) => ({ start, end: bytes.indexOf(COMMA, end) + 1 }))
  const tail = members.filter((member) => !isInside(member))
  const [first, last] = [tail[0], tail.at(-1)]
  if (first === undefined || last === undefined) return cuts
  const start = lastKept === null ? first.start : bytes.indexOf(COMMA, lastKept.end)
  return [...cuts, { start, end: last.end }]
}
