// Reader of HTTP/1.1 requests from a raw socket, for the fake only. It rejects what a well-behaved client does not send.

const HEAD_END = Buffer.from('\r\n\r\n')
const CRLF = Buffer.from('\r\n')

export interface Head {
  readonly method: string
  readonly target: string
  /** As received: names in the sender's spelling. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[]
}

export interface RequestEvents {
  head(head: Head): void
  body(bytes: Buffer): void
  end(): void
}

type State =
  | { readonly in: 'head' }
  | { readonly in: 'length'; readonly left: number }
  | { readonly in: 'size' }
  | { readonly in: 'chunk'; readonly left: number }
  | { readonly in: 'chunk end'; readonly isLast: boolean }

function parseHead(text: string): Head {
  const [line = '', ...fields] = text.split('\r\n')
  const [method = '', target = ''] = line.split(' ')
  const rawHeaders = fields.map((field): [string, string] => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon), field.slice(colon + 1).trim()]
  })
  return { method, target, rawHeaders }
}

export const headerOf = (head: Head, name: string): string | undefined =>
  head.rawHeaders.find(([candidate]) => candidate.toLowerCase() === name)?.[1]

export class RequestReader {
  readonly #events: RequestEvents
  #state: State = { in: 'head' }
  #rest: Buffer = Buffer.alloc(0)

  constructor(events: RequestEvents) {
    this.#events = events
  }

  push(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (this.#step());
  }

  /** Returns false if more bytes are needed. */
  #step(): boolean {
    switch (this.#state.in) {
      case 'head':
        return this.#readHead()
      case 'size':
        return this.#readSize()
      case 'chunk end':
        return this.#readChunkEnd(this.#state.isLast)
      case 'length':
      case 'chunk':
        return this.#readBytes(this.#state.in, this.#state.left)
    }
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf(HEAD_END)
    if (end === -1) return false
    const head = parseHead(this.#take(end + HEAD_END.length).toString('latin1', 0, end))
    this.#events.head(head)
    if (headerOf(head, 'transfer-encoding') === 'chunked') this.#state = { in: 'size' }
    else this.#expect(Number(headerOf(head, 'content-length') ?? 0))
    return true
  }

  #expect(length: number): void {
    if (length > 0) this.#state = { in: 'length', left: length }
    else this.#finish()
  }

  #finish(): void {
    this.#state = { in: 'head' }
    this.#events.end()
  }

  #readSize(): boolean {
    const end = this.#rest.indexOf(CRLF)
    if (end === -1) return false
    const left = Number.parseInt(this.#take(end + CRLF.length).toString('latin1'), 16)
    this.#state = left > 0 ? { in: 'chunk', left } : { in: 'chunk end', isLast: true }
    return true
  }

  /** A size follows each chunk; nothing follows the last, empty one. */
  #readChunkEnd(isLast: boolean): boolean {
    if (this.#rest.length < CRLF.length) return false
    this.#take(CRLF.length)
    if (isLast) this.#finish()
    else this.#state = { in: 'size' }
    return true
  }

  /** Passes bytes on as they arrive: a sender may write a chunk's line end only with the next chunk. */
  #readBytes(kind: 'length' | 'chunk', left: number): boolean {
    const available = Math.min(left, this.#rest.length)
    if (available === 0) return false
    this.#events.body(Buffer.from(this.#take(available)))
    if (available < left) this.#state = { in: kind, left: left - available }
    else if (kind === 'length') this.#finish()
    else this.#state = { in: 'chunk end', isLast: false }
    return true
  }
}
