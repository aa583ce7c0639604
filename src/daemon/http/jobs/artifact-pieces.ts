// Reader of a stored artifact in pieces, so that it is never in memory as a whole. The next piece is read once the caller has
// taken the last.

import type { Store } from '../../sqlite/store.ts'

/** A multiple of the size of one row in the store, and small enough that a hundred slow readers hold little. */
const CHUNK_BYTES = 1024 * 1024

/** Throws if the artifact has been deleted meanwhile, or is shorter than `to`. */
export async function* piecesOf(store: Store, id: string, name: string, from: number, to: number) {
  for (let at = from; at < to; ) {
    const end = Math.min(to, at + CHUNK_BYTES)
    const piece = await store.artifact(id, name, at, end)
    if (piece === null || piece.byteLength !== end - at) throw new Error(`artifact ${name} of job ${id} is gone`)
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    at = end
  }
}
