// Reader of request bodies: limits the size of each, the memory of all together, and how slowly one may arrive. It does not
// parse them. A body whose declared length is too large is refused before it is read.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Timer } from '../runtime/clock.ts'
import { ByteChunks } from '../text/byte-buffers.ts'
import { sizeText } from '../text/grammar.ts'
import { Bag } from './bag.ts'
import { type OwnError, ownError } from './respond.ts'
import type { SliceRunner } from './slice-runner.ts'

interface BodyLimits {
  /** FOREMAN_MAX_BODY. */
  readonly maxBody: number
  /** The most memory, in bytes, for all bodies that were read and not yet handed on. */
  readonly bodiesInFlight: number
  /** In each window, `bodyWindowBytes` or the end of the body must arrive: slow Wi-Fi passes, a trickle does not. */
  readonly bodyWindowMs: number
  readonly bodyWindowBytes: number
  /** How often slow requests are looked for. */
  readonly checkMs: number
}

export type BodyRead =
  /** `release` gives its bytes back to the budget: call it once, when they are handed on. */
  | { readonly kind: 'read'; readonly body: Uint8Array<ArrayBuffer>; readonly release: () => void }
  | { readonly kind: 'refused'; readonly error: OwnError }
  /** The caller disconnected. */
  | { readonly kind: 'gone' }

interface Watched {
  /** Bytes that came since `since`. */
  bytes: number
  /** Clock.monotonic() of the beginning of the window. */
  since: number
  /** Set while the target takes a chunk: that time does not count. */
  isPaused: boolean
  readonly onStalled: () => void
}

export class RequestBodies {
  readonly #clock: Clock
  readonly #limits: BodyLimits
  readonly #slices: SliceRunner
  readonly #watched = new Bag<Watched>()
  #timer: Timer | null = null
  #inFlight = 0

  constructor(clock: Clock, limits: BodyLimits, slices: SliceRunner) {
    this.#clock = clock
    this.#limits = limits
    this.#slices = slices
  }

  /** Memory of the bodies that were read and not yet handed on, in bytes. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Reads the whole body. Sends "100 Continue" if the caller expects it, and nothing else. */
  async read(req: IncomingMessage, res: ServerResponse): Promise<BodyRead> {
    const { maxBody, bodiesInFlight } = this.#limits
    const declared = Number(req.headers['content-length'] ?? 0)
    if (declared > maxBody) return this.#tooLarge()
    if (declared > 0 && this.#inFlight + declared > bodiesInFlight) return refused('too_much_in_flight')
    if (req.headers.expect !== undefined) res.writeContinue()
    const chunks = new ByteChunks()
    let held = 0
    const hold = (bytes: number): void => {
      this.#inFlight += bytes - held
      held = bytes
    }
    const ended = await this.#collect(req, chunks, hold)
    const body = ended === 'whole' ? await this.#slices.run(chunks.join(), () => res.destroyed) : null
    if (body !== null) return { kind: 'read', body, release: () => hold(0) }
    hold(0)
    return ended === 'whole' ? { kind: 'gone' } : ended
  }

  /** Collects the body's chunks; `hold` gets the memory that they use. Returns `whole` at its end, or why it was not read. */
  #collect(req: IncomingMessage, chunks: ByteChunks, hold: (bytes: number) => void): Promise<'whole' | BodyRead> {
    const { maxBody, bodiesInFlight } = this.#limits
    const { promise, resolve } = Promise.withResolvers<'whole' | BodyRead>()
    const watch = this.#newWatch(() => stop(refused('request_timeout')))
    let isOver = false
    const settle = (ended: 'whole' | BodyRead): void => {
      isOver = true
      this.#unwatch(watch)
      req.off('data', onData).off('end', onEnd).off('close', onClose)
      resolve(ended)
    }
    const stop = (read: BodyRead): void => {
      chunks.clear()
      hold(0)
      settle(read)
      req.pause()
    }
    const onData = (chunk: Buffer): void => {
      chunks.add(chunk)
      watch.bytes += chunk.length
      hold(chunks.held)
      if (chunks.bytes > maxBody) stop(this.#tooLarge())
      else if (this.#inFlight > bodiesInFlight) stop(refused('too_much_in_flight'))
    }
    const onEnd = (): void => settle('whole')
    const onClose = (): void => settle({ kind: 'gone' })
    req.on('data', onData).on('end', onEnd).on('close', onClose)
    // A request that breaks off emits `error` in some cases; `close` follows, and is handled.
    req.on('error', ignore)
    // A small body has arrived by the end of this tick and needs no timer.
    queueMicrotask(() => {
      if (!isOver) this.#watch(watch)
    })
    return promise
  }

  /** Streams a body that is passed on: without a size limit or budget, but with the same pace. Throws if it stalls or breaks off. */
  async *stream(req: IncomingMessage, res: ServerResponse): AsyncGenerator<Uint8Array> {
    if (req.headers.expect !== undefined) res.writeContinue()
    const watch = this.#newWatch(() => void req.destroy(new Error('stalled')))
    this.#watch(watch)
    try {
      for await (const chunk of req.iterator({ destroyOnReturn: false })) {
        const bytes = chunk as Buffer
        watch.bytes += bytes.length
        watch.isPaused = true
        yield bytes
        watch.isPaused = false
      }
    } finally {
      this.#unwatch(watch)
    }
  }

  #tooLarge(): BodyRead {
    return { kind: 'refused', error: ownError('body_too_large', { limit: sizeText(this.#limits.maxBody) }) }
  }

  #newWatch(onStalled: () => void): Watched {
    return { bytes: 0, since: this.#clock.monotonic(), isPaused: false, onStalled }
  }

  /** All bodies share one timer, which runs only while one is read. */
  #watch(watch: Watched): void {
    this.#watched.add(watch)
    this.#timer ??= this.#clock.after(this.#limits.checkMs, () => this.#check())
  }

  #unwatch(watch: Watched): void {
    this.#watched.delete(watch)
    if (this.#watched.size > 0) return
    this.#timer?.cancel()
    this.#timer = null
  }

  #check(): void {
    this.#timer = null
    const { bodyWindowMs, bodyWindowBytes, checkMs } = this.#limits
    const now = this.#clock.monotonic()
    for (const watch of this.#watched) {
      if (watch.bytes >= bodyWindowBytes || watch.isPaused) {
        watch.bytes = 0
        watch.since = now
      } else if (now - watch.since >= bodyWindowMs) {
        this.#watched.delete(watch)
        watch.onStalled()
      }
    }
    if (this.#watched.size > 0) this.#timer ??= this.#clock.after(checkMs, () => this.#check())
  }
}

const ignore = (): void => {}

const refused = (code: 'too_much_in_flight' | 'request_timeout'): BodyRead => ({
  kind: 'refused',
  error: ownError(code),
})
