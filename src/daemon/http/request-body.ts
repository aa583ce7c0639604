// Reader of request bodies: limits the size of each, the memory of all together, and how slowly one may arrive. It does not
// parse them. A body whose declared length is too large is refused before it is read.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Timer } from '../runtime/clock.ts'
import { ByteChunks } from '../text/byte-buffers.ts'
import { sizeText } from '../text/grammar.ts'
import { Bag } from './bag.ts'
import type { OwnError } from './respond.ts'
import { ownError } from './respond.ts'
import type { SliceRunner } from './slice-runner.ts'

export interface BodyLimits {
  /** FOREMAN_MAX_BODY. */
  readonly maxBody: number
  /** The most memory, in bytes, for all bodies that were read and not yet handed on. */
  readonly inFlight: number
  /** In each window, `windowBytes` or the end of the body must arrive: slow Wi-Fi passes, a trickle does not. */
  readonly windowMs: number
  readonly windowBytes: number
  /** How often that is checked. */
  readonly checkMs: number
}

export type BodyRead =
  /** `release` gives its bytes back to the budget: call it once, when they are handed on. */
  | { readonly kind: 'read'; readonly body: Uint8Array<ArrayBuffer>; readonly release: () => void }
  | { readonly kind: 'refused'; readonly error: OwnError }
  /** The caller disconnected. */
  | { readonly kind: 'gone' }

interface Watched {
  bytes: number
  since: number
  readonly isPaused: () => boolean
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
    const { maxBody, inFlight } = this.#limits
    const declared = Number(req.headers['content-length'] ?? 0)
    if (declared > maxBody) return this.#tooLarge()
    if (declared > 0 && this.#inFlight + declared > inFlight) return refused('too_much_in_flight')
    if (req.headers.expect !== undefined) res.writeContinue()
    const chunks = new ByteChunks()
    const share = new Share((bytes) => {
      this.#inFlight += bytes
    })
    const ended = await this.#collect(req, chunks, share)
    const body = ended === 'whole' ? await this.#slices.run(chunks.join(), () => res.destroyed) : null
    if (body !== null) return { kind: 'read', body, release: () => share.set(0) }
    share.set(0)
    return ended === 'whole' ? { kind: 'gone' } : ended
  }

  /** Collects the body's chunks. Returns `whole` at its end, or why it was not read. */
  #collect(req: IncomingMessage, chunks: ByteChunks, share: Share): Promise<'whole' | BodyRead> {
    const { maxBody, inFlight } = this.#limits
    const { promise, resolve } = Promise.withResolvers<'whole' | BodyRead>()
    const watch: Watched = {
      bytes: 0,
      since: this.#clock.monotonic(),
      isPaused: () => false,
      onStalled: () => stop(refused('request_timeout')),
    }
    let isOver = false
    const settle = (ended: 'whole' | BodyRead): void => {
      isOver = true
      this.#unwatch(watch)
      req.off('data', onData).off('end', onEnd).off('close', onClose)
      resolve(ended)
    }
    const stop = (read: BodyRead): void => {
      chunks.clear()
      share.set(0)
      settle(read)
      req.pause()
    }
    const onData = (chunk: Buffer): void => {
      chunks.add(chunk)
      watch.bytes += chunk.length
      share.set(chunks.held)
      if (chunks.bytes > maxBody) stop(this.#tooLarge())
      else if (this.#inFlight > inFlight) stop(refused('too_much_in_flight'))
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
    // The time that the target takes for a chunk does not count.
    let handing = false
    const watch: Watched = {
      bytes: 0,
      since: this.#clock.monotonic(),
      isPaused: () => handing,
      onStalled: () => void req.destroy(new Error('stalled')),
    }
    this.#watch(watch)
    try {
      for await (const chunk of req.iterator({ destroyOnReturn: false })) {
        const bytes = chunk as Buffer
        watch.bytes += bytes.length
        handing = true
        yield bytes
        handing = false
      }
    } finally {
      this.#unwatch(watch)
    }
  }

  #tooLarge(): BodyRead {
    return { kind: 'refused', error: ownError('body_too_large', { limit: sizeText(this.#limits.maxBody) }) }
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
    const { windowMs, windowBytes, checkMs } = this.#limits
    const now = this.#clock.monotonic()
    for (const watch of this.#watched) {
      if (watch.bytes >= windowBytes || watch.isPaused()) {
        watch.bytes = 0
        watch.since = now
      } else if (now - watch.since >= windowMs) {
        this.#watched.delete(watch)
        watch.onStalled()
      }
    }
    if (this.#watched.size > 0) this.#timer ??= this.#clock.after(checkMs, () => this.#check())
  }
}

/** The share that one body has of the bytes in flight. */
class Share {
  readonly #change: (bytes: number) => void
  #held = 0

  constructor(change: (bytes: number) => void) {
    this.#change = change
  }

  set(held: number): void {
    this.#change(held - this.#held)
    this.#held = held
  }
}

const ignore = (): void => {}

const refused = (code: 'too_much_in_flight' | 'request_timeout'): BodyRead => ({
  kind: 'refused',
  error: ownError(code),
})
