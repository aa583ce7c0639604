// Owns where a line ends in bytes that come in arbitrary pieces. Pure: it keeps only the unfinished line, copied once,
// and never more of it than its cap.

import { GrowableBuffer } from '../text/growable-buffer.ts'

const LF = 10
const CR = 13
const withoutCr = (line: Buffer): Buffer => (line.at(-1) === CR ? line.subarray(0, -1) : line)

/** Cuts bytes at each LF, or CR LF. */
export class LineSplitter {
  readonly #maxBytes: number
  readonly #onLine: (line: Buffer) => void
  readonly #tail = new GrowableBuffer()

  constructor(maxBytes: number, onLine: (line: Buffer) => void) {
    this.#maxBytes = maxBytes
    this.#onLine = onLine
  }

  /** What came after the last line end. */
  get tail(): Buffer {
    return withoutCr(this.#tail.bytes)
  }

  /** False: a line is longer than the cap. Nothing is kept of it. */
  push(chunk: Buffer): boolean {
    let from = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, from)) {
      if (this.#tail.length + end - from > this.#maxBytes) return this.#overflow()
      const line = chunk.subarray(from, end)
      from = end + 1
      if (this.#tail.length === 0) {
        this.#onLine(withoutCr(line))
      } else {
        this.#tail.add(line)
        this.#onLine(withoutCr(this.#tail.take()))
      }
    }
    if (this.#tail.length + chunk.length - from > this.#maxBytes) return this.#overflow()
    if (from < chunk.length) this.#tail.add(chunk.subarray(from))
    return true
  }

  #overflow(): false {
    this.#tail.clear()
    return false
  }
}
