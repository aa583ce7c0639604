// Sends a stored artifact in pieces, so that it is never in memory as a whole: the next piece is read once the caller has taken
// the last. A caller that reads nothing for FOREMAN_CLIENT_STALL is disconnected.

import type { Store } from '../../sqlite/store.ts'

/** A multiple of what the store keeps as one row; small enough that a hundred slow readers hold little. */
const CHUNK_BYTES = 1024 * 1024

/** Throws if the artifact is gone meanwhile, or shorter than it was said to be. */
export async function* piecesOf(store: Store, id: string, name: string, from: number, to: number) {
  for (let at = from; at < to; ) {
    const end = Math.min(to, at + CHUNK_BYTES)
    const piece = await store.artifact(id, name, at, end)
    if (piece === null || piece.byteLength !== end - at) throw new Error(`artifact ${name} of job ${id} is gone`)
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    at = end
  }
}
