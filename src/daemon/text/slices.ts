// Long work in slices: a generator that yields after each bounded piece, with its cost in bytes scanned. Pure. The runner decides
// what happens between two pieces (http/slice-runner.ts lets the event loop turn).

/** Work that yields whenever it has cost about SLICE_BYTES, and returns its result. */
export type Slices<T> = Generator<number, T, void>

/** Before V8 has compiled it, a scan takes 400 ns per byte on a busy machine, so 13 ms; later 30 ns per byte. */
export const SLICE_BYTES = 32 * 1024

/** Hashing or copying this many bytes costs less than scanning one. */
const COPIED_PER_SCANNED = 8
const COPIED_BYTES = SLICE_BYTES * COPIED_PER_SCANNED

/** Calls `take`, which hashes or copies, with `bytes` in pieces. */
export function* inPieces(bytes: Uint8Array, take: (piece: Uint8Array, at: number) => void): Slices<void> {
  for (let at = 0; at < bytes.length; at += COPIED_BYTES) {
    const piece = bytes.subarray(at, at + COPIED_BYTES)
    take(piece, at)
    yield piece.length / COPIED_PER_SCANNED
  }
}

/** Runs the work to its end without a pause: for bytes whose number is limited elsewhere. */
export function runAtOnce<T>(work: Slices<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/** Copies `source` into `target` at `at`. A copy into fresh memory costs a page fault every 4 KiB. */
export function copyInSlices(target: Uint8Array, at: number, source: Uint8Array): Slices<void> {
  return inPieces(source, (piece, from) => target.set(piece, at + from))
}
