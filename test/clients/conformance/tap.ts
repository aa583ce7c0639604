// Recording proxy between one client and foreman: requests, response heads, heartbeats and how each connection ended. It passes every
// byte on unchanged.

import { connect, createServer, type Server, type Socket } from 'node:net'

export interface TappedAnswer {
  readonly status: number
  /** The reason phrase. */
  readonly reason: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly jobId: string | null
  /** Heartbeats so far. */
  readonly beats: number
  /** The body so far, with its framing. */
  readonly body: string
}

/**
 * A chat in any API. Some clients also read the model, LiteLLM even after the answer. On a reused connection the request follows
 * the last body without a separator.
 */
const REQUEST = /POST \/(?:api\/(?:chat|generate)|v1\/(?:chat\/completions|messages))(?:\?\S*)? HTTP\/1\.1\r\n/g
const HEAD = /HTTP\/1\.1 (\d{3}) ([^\r]*)\r\n((?:[^\r]+\r\n)*)\r\n/g
/** A space in its own chunk, an SSE comment, or an Anthropic ping. */
const BEAT = /1\r\n \r\n|: waiting\n\n|event: ping\n/g

class TappedConnection {
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
  readonly #connections: TappedConnection[] = []
  #waiting: { readonly isTrue: () => boolean; readonly resolve: () => void }[] = []
  #port = 0
  #isOver = false

  private constructor(target: URL) {
    this.#server = createServer((client) => {
      // undici connects again, in advance, as soon as it loses a connection.
      if (this.#isOver) return void client.destroy()
      const foreman = connect(Number(target.port), target.hostname)
      const line = new TappedConnection(client, foreman)
      this.#connections.push(line)
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
      // Bytes before the cut still arrive.
      foreman.on('error', () => undefined).on('close', () => client.destroySoon())
    })
  }

  /** Listens on a free port and forwards to `url`. */
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

  /** Number of chat requests. */
  get requests(): number {
    return this.#connections.reduce((sum, { up }) => sum + (up.match(REQUEST)?.length ?? 0), 0)
  }

  /** All requests, heads and bodies. */
  get asked(): string {
    return this.#connections.map(({ up }) => up).join('')
  }

  /** In the order of their connections. */
  get answers(): readonly TappedAnswer[] {
    return this.#connections.flatMap(({ answers }) => answers)
  }

  /** Connections that the client has not closed. Those without a request are not counted: undici opens one in advance. */
  get open(): number {
    return this.#connections.filter(({ isOpen, up }) => isOpen && up !== '').length
  }

  /** Resolves when the condition holds; it is checked after every event on a connection. */
  until(isTrue: (tap: Tap) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ isTrue: () => isTrue(this), resolve })
      this.#look()
    })
  }

  async stop(): Promise<void> {
    this.#isOver = true
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const { client, foreman } of this.#connections) {
      client.destroy()
      foreman.destroy()
    }
    await closed
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ isTrue, resolve }) => {
      if (!isTrue()) return true
      resolve()
      return false
    })
  }
}
