// Minimal HTTP/1.1 response reader of the load generator: status, length or chunks, and the bytes of the body as they
// arrive. It trusts the server under test to send valid HTTP.

const HEAD_END = Buffer.from('\r\n\r\n')

export interface AnswerListener {
  head?(status: number): void
  /** A view that is only valid during the call. */
  body?(bytes: Buffer): void
  end(status: number): void
}

type Expecting = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer'

export class HttpReader {
  listener: AnswerListener | null = null
  #expecting: Expecting = 'head'
  #status = 0
  #left = 0
  #rest: Buffer = Buffer.alloc(0)

  push(bytes: Buffer): void {
    let input = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = Buffer.alloc(0)
    while (input.length > 0) {
      const taken = this.#step(input)
      if (taken === 0) {
        // The connection's buffer is reused, so the remaining bytes must be copied.
        this.#rest = Buffer.from(input)
        return
      }
      input = input.subarray(taken)
    }
  }

  /** Returns how many bytes of `input` were consumed; 0 if more are needed. */
  #step(input: Buffer): number {
    if (this.#expecting === 'head') return this.#head(input)
    if (this.#expecting === 'length' || this.#expecting === 'chunk') return this.#bytes(input)
    const lineEnd = input.indexOf(10)
    if (lineEnd === -1) return 0
    if (this.#expecting === 'chunk-end') this.#expecting = 'chunk-size'
    else if (this.#expecting === 'trailer') this.#end()
    else {
      this.#left = Number.parseInt(input.toString('latin1', 0, lineEnd), 16)
      this.#expecting = this.#left === 0 ? 'trailer' : 'chunk'
    }
    return lineEnd + 1
  }

  #head(input: Buffer): number {
    const end = input.indexOf(HEAD_END)
    if (end === -1) return 0
    const text = input.toString('latin1', 0, end)
    this.#status = Number(text.slice(9, 12))
    this.listener?.head?.(this.#status)
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)
    if (length !== null) {
      this.#left = Number(length[1])
      this.#expecting = 'length'
      if (this.#left === 0) this.#end()
    } else if (/\r\ntransfer-encoding: *chunked/i.test(text)) {
      this.#expecting = 'chunk-size'
    } else {
      throw new Error(`an answer without a length: ${text}`)
    }
    return end + 4
  }

  #bytes(input: Buffer): number {
    const taken = Math.min(this.#left, input.length)
    this.#left -= taken
    this.listener?.body?.(taken === input.length ? input : input.subarray(0, taken))
    if (this.#left === 0 && this.#expecting === 'chunk') this.#expecting = 'chunk-end'
    else if (this.#left === 0) this.#end()
    return taken
  }

  #end(): void {
    this.#expecting = 'head'
    const { listener } = this
    this.listener = null
    listener?.end(this.#status)
  }
}
