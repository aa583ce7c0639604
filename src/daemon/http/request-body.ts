// Owns the reading of request bodies: how large one may be, how much of all of them may be in memory, how slowly one may
// come. It never looks into a body. Too large is told before reading where the caller says his length.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Timer } from '../clock.ts'
import { sizeText } from '../config/grammar.ts'
import type { OwnError } from './respond.ts'
import { ownError } from './respond.ts'
import { Roll } from './roll.ts'

export interface BodyLimits {
  /** FOREMAN_MAX_BODY. */
  readonly maxBody: number
  /** Bytes of all bodies that were read and not yet handed on. */
  readonly inFlight: number
  /** In each such time a body must bring `windowBytes` or its end: slow Wi-Fi passes, a trickle does not. */
  readonly windowMs: number
  readonly windowBytes: number
  /** How often that is looked at. */
  readonly checkMs: number
}

export type BodyRead =
  /** `release` gives its bytes back to the budget: call it once, when they are handed on. */
  | { readonly kind: 'read'; readonly chunks: readonly Buffer[]; readonly bytes: number; readonly release: () => void }
  | { readonly kind: 'refused'; readonly error: OwnError }
  /** The caller hung up. */
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
  readonly #watched = new Roll<Watched>()
  #timer: Timer | null = null
  #inFlight = 0

  constructor(clock: Clock, limits: BodyLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Bytes read and not yet handed on. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Reads the whole body. Sends "100 Continue" to whom waits for it, and nothing else. */
  read(req: IncomingMessage, res: ServerResponse): Promise<BodyRead> {
    const { maxBody, inFlight } = this.#limits
    const declared = Number(req.headers['content-length'] ?? 0)
    if (declared > maxBody) return Promise.resolve(this.#tooLarge())
    if (declared > 0 && this.#inFlight + declared > inFlight) return Promise.resolve(refused('too_much_in_flight'))
    if (req.headers.expect !== undefined) res.writeContinue()
    return new Promise((resolve) => {
      const chunks: Buffer[] = []
      const watch: Watched = {
        bytes: 0,
        since: this.#clock.monotonic(),
        isPaused: () => false,
        onStalled: () => stop(refused('request_timeout')),
      }
      let total = 0
      let isOver = false
      const settle = (read: BodyRead): void => {
        isOver = true
        this.#unwatch(watch)
        req.off('data', onData).off('end', onEnd).off('close', onClose)
        if (read.kind !== 'read') this.#inFlight -= total
        resolve(read)
      }
      const stop = (read: BodyRead): void => {
        settle(read)
        req.pause()
      }
      const onData = (chunk: Buffer): void => {
        chunks.push(chunk)
        total += chunk.length
        watch.bytes += chunk.length
        this.#inFlight += chunk.length
        if (total > maxBody) stop(this.#tooLarge())
        else if (this.#inFlight > inFlight) stop(refused('too_much_in_flight'))
      }
      const release = (): void => {
        this.#inFlight -= total
      }
      const onEnd = (): void => settle({ kind: 'read', chunks, bytes: total, release })
      const onClose = (): void => settle({ kind: 'gone' })
      req.on('data', onData).on('end', onEnd).on('close', onClose)
      // A request that breaks off is an `error` on some paths; `close` follows and is what counts.
      req.on('error', ignore)
      // A small body is there by the end of this tick: no timer for those.
      queueMicrotask(() => {
        if (!isOver) this.#watch(watch)
      })
    })
  }

  /** The body as it comes, for what is streamed on: no cap and no budget, but the same pace. Throws when it stalls or breaks off. */
  async *stream(req: IncomingMessage, res: ServerResponse): AsyncGenerator<Uint8Array> {
    if (req.headers.expect !== undefined) res.writeContinue()
    // Time that the target takes to swallow a chunk is not the caller's.
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

  /** One timer for all, and none while nothing is read. */
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

const ignore = (): void => {}

const refused = (code: 'too_much_in_flight' | 'request_timeout'): BodyRead => ({
  kind: 'refused',
  error: ownError(code),
})

/** The chunks as one array; a single one is it already, and most bodies are one (a copy was an eighth of a submit). */
export function joined(chunks: readonly Buffer[], bytes: number): Uint8Array<ArrayBuffer> {
  const [only] = chunks
  // Node's parser gives each chunk a buffer of its own, never a shared one.
  if (only !== undefined && chunks.length === 1) return only as Buffer<ArrayBuffer>
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
