// Reader of answers for tests: it keeps everything, can stop reading, and has signals to wait for.

import type { AnswerHeaders } from '../../src/daemon/domain/endpoint.ts'
import type { AnswerSink, LostConnection } from '../../src/daemon/ollama/target.ts'

export type Ended = { readonly kind: 'end' } | { readonly kind: 'lost'; readonly error: LostConnection }

export class CollectingSink implements AnswerSink {
  status: number | null = null
  headers: AnswerHeaders = []
  reason = ''
  bytes = 0
  /** From then on it asks for a pause at every chunk. */
  isFull = false
  /** Counts bytes instead of keeping them. */
  readonly #counts: boolean
  readonly #chunks: Buffer[] = []
  readonly #ended = Promise.withResolvers<Ended>()
  #watchers: { readonly bytes: number; readonly resolve: () => void }[] = []
  /** Names of the calls in their order. */
  readonly calls: string[] = []

  constructor({ counts = false } = {}) {
    this.#counts = counts
  }

  head(status: number, headers: AnswerHeaders, reason: string): void {
    this.calls.push('head')
    this.status = status
    this.headers = headers
    this.reason = reason
    this.#tell()
  }

  data(chunk: Buffer): boolean {
    if (this.calls.at(-1) !== 'data') this.calls.push('data')
    this.bytes += chunk.length
    if (!this.#counts) this.#chunks.push(chunk)
    this.#tell()
    return !this.isFull
  }

  end(): void {
    this.calls.push('end')
    this.#ended.resolve({ kind: 'end' })
  }

  lost(error: LostConnection): void {
    this.calls.push('lost')
    this.#ended.resolve({ kind: 'lost', error })
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.body.toString('utf8')
  }

  get ended(): Promise<Ended> {
    return this.#ended.promise
  }

  /** Resolves to the loss; throws if the answer ended well. */
  async loss(): Promise<LostConnection> {
    const ended = await this.#ended.promise
    if (ended.kind === 'end') throw new Error(`the answer ended well: ${this.status} ${this.text.slice(0, 200)}`)
    return ended.error
  }

  header(name: string): string[] {
    return this.headers.filter(([candidate]) => candidate.toLowerCase() === name).map(([, value]) => value)
  }

  /** Resolves when the head and this many bytes have arrived. */
  got(bytes = 0): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push({ bytes, resolve })
      this.#tell()
    })
  }

  #tell(): void {
    if (this.status === null) return
    this.#watchers = this.#watchers.filter(({ bytes, resolve }) => {
      if (this.bytes < bytes) return true
      resolve()
      return false
    })
  }
}
