// Growable byte buffer: memory doubles as bytes are added.

const EMPTY = Buffer.alloc(0)

/** Doubles its memory when it is full, so that 8 MiB in pieces of one byte do not become eight million buffers. */
export class GrowableBuffer {
  #bytes = EMPTY
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The bytes until now; valid until the next `add`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  add(piece: Buffer): void {
    const needed = this.#length + piece.length
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length, 256))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    piece.copy(this.#bytes, this.#length)
    this.#length = needed
  }

  /** The bytes, which belong to the caller from here on. */
  take(): Buffer {
    const bytes = this.bytes
    this.clear()
    return bytes
  }

  clear(): void {
    this.#bytes = EMPTY
    this.#length = 0
  }
}
