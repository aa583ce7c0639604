// Buffers for bytes that come in chunks: one that grows in place, and one that keeps few blocks.

import { copyInSlices, type Slices } from './slices.ts'

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

/** A chunk of this size or more is kept as it is, if its buffer is its own. Smaller ones are copied into a block. */
const WHOLE_BYTES = 4096
const MIN_BLOCK_BYTES = 64
const MAX_BLOCK_BYTES = 64 * 1024

/**
 * Bytes that come in chunks, kept in few blocks. It counts the memory that it uses, which differs from the bytes: a chunk of one
 * byte, kept on its own, costs 300 bytes.
 */
export class ByteChunks {
  #chunks: Uint8Array[] = []
  /** The last chunk, while it is a block with free space. */
  #block: Uint8Array | null = null
  #used = 0
  #bytes = 0
  #held = 0

  /** Bytes added. */
  get bytes(): number {
    return this.#bytes
  }

  /** Bytes of memory in use for them. */
  get held(): number {
    return this.#held
  }

  /** The bytes added, in order, in few pieces. */
  get chunks(): readonly Uint8Array[] {
    return this.#block === null ? this.#chunks : [...this.#chunks, this.#block.subarray(0, this.#used)]
  }

  /** The chunk may be kept as it is: its bytes must not change afterwards. */
  add(chunk: Uint8Array): void {
    const isOwn = chunk.buffer.byteLength === chunk.length
    // The first one is kept whatever its size, because most bodies are one chunk.
    if (isOwn && (chunk.length >= WHOLE_BYTES || this.#held === 0)) {
      this.#seal()
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      this.#held += chunk.length
    } else this.addCopy(chunk)
  }

  /** The chunk may change afterwards. */
  addCopy(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    for (let from = 0; from < chunk.length; ) {
      const block = this.#room(chunk.length - from)
      const piece = chunk.subarray(from, from + block.length - this.#used)
      block.set(piece, this.#used)
      this.#used += piece.length
      from += piece.length
    }
  }

  /** Returns all bytes in one array and clears this. A single chunk is returned as it is. */
  *join(): Slices<Uint8Array<ArrayBuffer>> {
    const chunks = [...this.chunks]
    const bytes = this.#bytes
    this.clear()
    const [only] = chunks
    if (only !== undefined && chunks.length === 1 && only.buffer.byteLength === bytes)
      return only as Uint8Array<ArrayBuffer>
    const whole = new Uint8Array(bytes)
    let at = 0
    // Copied chunks are released at once, so that a body is not held twice.
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      yield* copyInSlices(whole, at, chunk)
      at += chunk.length
    }
    return whole
  }

  clear(): void {
    this.#chunks = []
    this.#block = null
    this.#used = 0
    this.#bytes = 0
    this.#held = 0
  }

  #seal(): void {
    if (this.#block !== null) this.#chunks.push(this.#block.subarray(0, this.#used))
    this.#block = null
  }

  /** Returns a block with free space. A new one is at most an eighth of the bytes, so that little memory is unused. */
  #room(wanted: number): Uint8Array {
    if (this.#block !== null && this.#used < this.#block.length) return this.#block
    this.#seal()
    const size = Math.max(Math.min(wanted, MAX_BLOCK_BYTES), MIN_BLOCK_BYTES, this.#bytes >> 3)
    this.#block = new Uint8Array(Math.min(size, MAX_BLOCK_BYTES))
    this.#used = 0
    this.#held += this.#block.length
    return this.#block
  }
}
