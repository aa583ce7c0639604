// HTTP caller of foreman: a test can wait for each byte, stop reading and hang up.

import { once } from 'node:events'
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { onTestFinished } from 'vitest'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The connection was cut before the answer's framing was complete. */
  readonly cut: boolean
}

export interface Call {
  readonly method?: string
  readonly path?: string
  /** An object is sent as JSON, bytes unchanged. */
  readonly body?: object | string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export class Caller {
  readonly #request
  readonly #response: Promise<IncomingMessage>
  readonly #chunks: Buffer[] = []
  #notify = Promise.withResolvers<void>()
  #hasHead = false
  #ended: 'whole' | 'cut' | null = null

  constructor(url: string, { method = 'POST', path = '/api/chat', body, headers = {} }: Call) {
    const bytes =
      body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    const agent = new Agent({ keepAlive: false })
    this.#request = request(`${url}${path}`, {
      method,
      agent,
      headers: { 'Content-Type': 'application/json', ...headers },
    })
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    this.#response = promise
    promise.catch(() => undefined)
    this.#request.on('response', (response) => {
      this.#hasHead = true
      resolve(response)
      response.on('data', (chunk: Buffer) => {
        this.#chunks.push(chunk)
        this.#tell()
      })
      response.on('error', () => undefined)
      response.on('close', () => {
        this.#ended = response.complete ? 'whole' : 'cut'
        this.#tell()
      })
    })
    this.#request.on('error', reject)
    this.#request.end(bytes)
    onTestFinished(() => this.hangUp())
  }

  /** Body bytes received so far. */
  get heard(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }

  get bytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  /** Whether the head has arrived. */
  get hasHead(): boolean {
    return this.#hasHead
  }

  /** Resolves with status and headers when they arrive. */
  async head(): Promise<{ status: number; headers: IncomingHttpHeaders }> {
    const { statusCode, headers } = await this.#response
    return { status: statusCode ?? 0, headers }
  }

  /** Resolves when the body so far satisfies `test`. Rejects if the body ends first. */
  async hears(test: string | ((body: string) => boolean)): Promise<string> {
    const matches = typeof test === 'string' ? (body: string) => body.includes(test) : test
    await this.#response
    while (!matches(this.heard)) {
      if (this.#ended !== null) throw new Error(`ended (${this.#ended}) with: ${this.heard.slice(0, 500)}`)
      await this.#notify.promise
    }
    return this.heard
  }

  /** Resolves at the end with the answer, or with the part that arrived. */
  async answer(): Promise<Answer> {
    const { status, headers } = await this.head()
    while (this.#ended === null) await this.#notify.promise
    return { status, headers, body: this.heard, cut: this.#ended === 'cut' }
  }

  /** Stops reading until `resume`. */
  async stopReading(): Promise<void> {
    const response = await this.#response
    response.pause()
  }

  async resume(): Promise<void> {
    const response = await this.#response
    response.resume()
  }

  /** Closes the connection: FIN, or RST. */
  hangUp(how: 'fin' | 'rst' = 'fin'): void {
    if (how === 'rst') this.#request.socket?.resetAndDestroy()
    this.#request.destroy()
  }

  /** Resolves when the last byte of the request was handed to the system. */
  async sent(): Promise<void> {
    if (!this.#request.writableFinished) await once(this.#request, 'finish')
  }

  #tell(): void {
    this.#notify.resolve()
    this.#notify = Promise.withResolvers<void>()
  }
}

/** Sends a chat with one word. It is streamed unless `more` says otherwise. */
export const chat = (url: string, model = 'tiny-a', more: object = {}, headers: Record<string, string> = {}): Caller =>
  new Caller(url, { body: { model, messages: [{ role: 'user', content: 'hi' }], ...more }, headers })

export const call = (url: string, options: Call): Promise<Answer> => new Caller(url, options).answer()

export const get = (url: string, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  call(url, { method: 'GET', path, headers })

/** Returns the JSON document of a GET. */
export async function read<T>(url: string, path: string): Promise<T> {
  return JSON.parse((await get(url, path)).body) as T
}
