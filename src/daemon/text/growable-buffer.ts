// Growable byte buffer: memory doubles as bytes are added.

const EMPTY = Buffer.alloc(0)

/** 8 MiB that come one byte at a time do not become eight million buffers. */
export class GrowableBuffer {
  #bytes = EMPTY
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The bytes until now. Valid until the next `add`. */
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

  /** Returns the bytes, which then belong to the caller, and clears this. */
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
