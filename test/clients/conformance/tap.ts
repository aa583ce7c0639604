// Owns a wire between one client and foreman on which a test can listen: what was asked, which head came back, how often
// the line was kept alive, how it ended. Every byte passes as it came; the tap adds and holds back nothing.

import { connect, createServer, type Server, type Socket } from 'node:net'

export interface TappedAnswer {
  readonly status: number
  /** The words behind the status. */
  readonly reason: string
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>
  readonly jobId: string | null
  /** Heartbeats so far. */
  readonly beats: number
  /** The body so far, in its framing. */
  readonly body: string
}

/**
 * A chat, in any dialect; some clients look at the model as well, LiteLLM even after the answer. On a connection that is
 * used again it follows the last body without a break.
 */
const REQUEST = /POST \/(?:api\/(?:chat|generate)|v1\/(?:chat\/completions|messages))(?:\?\S*)? HTTP\/1\.1\r\n/g
const HEAD = /HTTP\/1\.1 (\d{3}) ([^\r]*)\r\n((?:[^\r]+\r\n)*)\r\n/g
/** A space in a chunk of its own; a comment; a ping of Anthropic's. */
const BEAT = /1\r\n \r\n|: waiting\n\n|event: ping\n/g

class Line {
  readonly client: Socket
  readonly foreman: Socket
  up = ''
  down = ''
  isOpen = true

  constructor(client: Socket, foreman: Socket) {
    this.client = client
    this.foreman = foreman
  }

  get answers(): readonly TappedAnswer[] {
    const heads = [...this.down.matchAll(HEAD)]
    return heads.map((head, index) => {
      const [whole, status = '', reason = '', lines = ''] = head
      const body = this.down.slice(head.index + whole.length, heads[index + 1]?.index)
      const headers = Object.fromEntries(
        lines.split('\r\n').flatMap((line) => {
          const colon = line.indexOf(':')
          return colon === -1 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]]
        }),
      )
      const beats = body.match(BEAT)?.length ?? 0
      return { status: Number(status), reason, headers, jobId: headers['x-foreman-job-id'] ?? null, beats, body }
    })
  }
}

export class Tap {
  readonly #server: Server
  readonly #lines: Line[] = []
  #hopes: { readonly isTrue: () => boolean; readonly resolve: () => void }[] = []
  #port = 0
  #isOver = false

  private constructor(target: URL) {
    this.#server = createServer((client) => {
      // undici connects again, in advance, as soon as it loses a connection.
      if (this.#isOver) return void client.destroy()
      const foreman = connect(Number(target.port), target.hostname)
      const line = new Line(client, foreman)
      this.#lines.push(line)
      client.setNoDelay(true)
      foreman.setNoDelay(true)
      client.on('data', (bytes: Buffer) => {
        line.up += bytes.toString('latin1')
        this.#look()
      })
      foreman.on('data', (bytes: Buffer) => {
        line.down += bytes.toString('latin1')
        this.#look()
      })
      client.pipe(foreman)
      foreman.pipe(client)
      client
        .on('error', () => undefined)
        .on('close', () => {
          line.isOpen = false
          foreman.destroy()
          this.#look()
        })
      // What was said before the cut still arrives.
      foreman.on('error', () => undefined).on('close', () => client.destroySoon())
    })
  }

  /** Listens on a port of its own, in front of `url`. */
  static async start(url: string): Promise<Tap> {
    const tap = new Tap(new URL(url))
    await new Promise<void>((listening) => tap.#server.listen(0, '127.0.0.1', listening))
    const address = tap.#server.address()
    if (typeof address === 'object' && address !== null) tap.#port = address.port
    return tap
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** How often a chat was asked for. */
  get requests(): number {
    return this.#lines.reduce((sum, { up }) => sum + (up.match(REQUEST)?.length ?? 0), 0)
  }

  /** All that was asked, heads and bodies. */
  get asked(): string {
    return this.#lines.map(({ up }) => up).join('')
  }

  /** In the order of their connections. */
  get answers(): readonly TappedAnswer[] {
    return this.#lines.flatMap(({ answers }) => answers)
  }

  /** Connections that the client has not closed. Not those on which nothing was asked: undici opens one in advance. */
  get open(): number {
    return this.#lines.filter(({ isOpen, up }) => isOpen && up !== '').length
  }

  /** Resolves as soon as it is true; looks whenever something has happened on the wire. */
  until(isTrue: (tap: Tap) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#hopes.push({ isTrue: () => isTrue(this), resolve })
      this.#look()
    })
  }

  async stop(): Promise<void> {
    this.#isOver = true
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const { client, foreman } of this.#lines) {
      client.destroy()
      foreman.destroy()
    }
    await closed
  }

  #look(): void {
    this.#hopes = this.#hopes.filter(({ isTrue, resolve }) => {
      if (!isTrue()) return true
      resolve()
      return false
    })
  }
}
