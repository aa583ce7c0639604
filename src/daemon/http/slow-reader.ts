// Stall detection for readers: a caller that reads no byte for FOREMAN_CLIENT_STALL is disconnected; one that reads little at a
// time is only slow. The rest of the daemon sees the cut like any other disconnect.

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { HttpContext } from './context.ts'

export class SlowReader {
  readonly #clock: Clock
  readonly #res: ServerResponse
  readonly #limitMs: number
  #timer: Timer | null = null

  constructor(clock: Clock, res: ServerResponse, limitMs: number) {
    this.#clock = clock
    this.#res = res
    this.#limitMs = limitMs
  }

  /** Watches from now on, until `stop`. A running watch starts anew. */
  watch(): void {
    this.stop()
    const unsent = this.#unsent()
    this.#timer = this.#clock.after(this.#limitMs, () => {
      this.#timer = null
      if (this.#unsent() < unsent) this.watch()
      else this.#res.destroy()
    })
  }

  /** Watches until all is sent: a reader that stops before the end would keep its socket and the bytes in it forever. */
  watchToTheEnd(): void {
    const res = this.#res
    // The kernel has most answers by now; they need no timer.
    if (res.destroyed || this.#unsent() === 0) return
    const over = (): void => this.stop()
    res.once('finish', over).once('close', over)
    this.watch()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  /** Bytes that the kernel has not taken yet. */
  #unsent(): number {
    const socket: (Socket & { _handle?: { writeQueueSize?: number } }) | null = this.#res.socket
    if (socket === null) return 0
    // writableLength counts a write whole until all of it is sent; libuv's own count also sees a partial write.
    return this.#res.writableLength + (socket._handle?.writeQueueSize ?? 0)
  }
}

/** Writes, and resolves once more can be written. Returns false if the caller has gone. */
export async function writeSlowly(
  res: ServerResponse,
  bytes: Uint8Array | string,
  reader: SlowReader,
): Promise<boolean> {
  if (res.destroyed) return false
  if (res.write(bytes)) return true
  reader.watch()
  const { promise, resolve } = Promise.withResolvers<void>()
  res.on('drain', resolve).on('close', resolve)
  await promise
  res.off('drain', resolve).off('close', resolve)
  reader.stop()
  return !res.destroyed
}

/**
 * Writes all pieces, no faster than the caller reads, and ends the answer. An error of `pieces` is logged as `failure`, and the
 * answer is cut.
 */
export async function pour(
  { clock, config, log }: HttpContext,
  res: ServerResponse,
  pieces: AsyncIterable<Uint8Array>,
  failure: string,
): Promise<void> {
  const reader = new SlowReader(clock, res, config.clientStallMs)
  try {
    for await (const piece of pieces) if (!(await writeSlowly(res, piece, reader))) return
    res.end()
    reader.watchToTheEnd()
  } catch (error) {
    log.warn({ err: error }, failure)
    res.destroy()
  }
}
