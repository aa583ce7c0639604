// Owns how a stored artifact becomes an answer without ever being in memory as a whole: read piece by piece, the next one
// when the caller has taken the last. One who takes nothing for FOREMAN_CLIENT_STALL is gone.

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
