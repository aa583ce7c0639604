// Webhook receiver that records what it gets, whether the signature is valid, and what it answered. It runs for the whole run.
// Signatures are computed with node:crypto alone.

import { createHmac, timingSafeEqual } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WebhookPayload } from '../../src/protocol/webhook.ts'
import type { LogicalClock } from './logical-clock.ts'
import type { Arrival } from './run-history.ts'

/** How the receiver answers one webhook. */
export interface ReceiverResponse {
  /** `cut`: the connection is closed without an answer. */
  readonly answer: number | 'cut'
  readonly afterMs: number
}

export const ACCEPTS: ReceiverResponse = { answer: 204, afterMs: 0 }

const TOLERANCE_MS = 300_000

type Draft = { -readonly [K in keyof Arrival]: Arrival[K] }

export class WatchedReceiver {
  readonly arrivals: readonly Arrival[]
  readonly #arrivals: Draft[] = []
  readonly #clock: LogicalClock
  readonly #secret: string
  /** Wall time of the daemon's clock, ms. */
  readonly #now: () => number
  readonly #server = http.createServer((req, res) => void this.#handle(req, res))
  /** Chooses the response to each webhook. */
  responseFor: (ref: string) => ReceiverResponse = () => ACCEPTS

  private constructor(clock: LogicalClock, secret: string, now: () => number) {
    this.#clock = clock
    this.#secret = secret
    this.#now = now
    this.arrivals = this.#arrivals
  }

  static async start(clock: LogicalClock, secret: string, now: () => number): Promise<WatchedReceiver> {
    const receiver = new WatchedReceiver(clock, secret, now)
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  /** Returns the receiver URL for the webhooks of a request. */
  urlFor(ref: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${ref}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    req.on('error', () => undefined)
    res.on('error', () => undefined)
    const chunks: Buffer[] = []
    try {
      for await (const chunk of req) chunks.push(chunk as Buffer)
    } catch {
      // The sender was killed before the webhook was complete.
      return
    }
    const body = Buffer.concat(chunks)
    const ref = (req.url ?? '').slice(1)
    const arrival = this.#noted(ref, req, body)
    this.#arrivals.push(arrival)
    const { answer, afterMs } = this.responseFor(ref)
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs))
    if (res.destroyed) return
    if (answer === 'cut') return void req.socket.destroy()
    // Recorded before it is sent, because the daemon may send the next webhook at once.
    arrival.answer = { status: answer, at: this.#clock.next() }
    res.writeHead(answer).end()
  }

  #noted(ref: string, { headers }: IncomingMessage, body: Buffer): Draft {
    const payload = JSON.parse(body.toString('utf8')) as WebhookPayload
    const { job_id: jobId, sequence, state, previous_state: previous, attempt, timestamp } = payload
    return {
      ...{ ref, webhookId: String(headers['webhook-id']), isAuthentic: this.#isBelieved(headers, body) },
      ...{ jobId, sequence, state, previous, attempt, timestamp },
      completion: payload.artifacts?.find(({ name }) => name === 'completion')?.data ?? null,
      ...{ at: this.#clock.next(), answer: null },
    }
  }

  #isBelieved(headers: IncomingMessage['headers'], body: Buffer): boolean {
    const id = String(headers['webhook-id'])
    const timestamp = String(headers['webhook-timestamp'])
    const sign = (...parts: (string | Buffer)[]) =>
      parts.reduce((hmac, part) => hmac.update(part), createHmac('sha256', this.#secret))
    const standard = `v1,${sign(`${id}.${timestamp}.`, body).digest('base64')}`
    const own = `sha256=${sign(body).digest('hex')}`
    const age = Math.abs(this.#now() - Number(timestamp) * 1000)
    return (
      isSame(String(headers['webhook-signature']), standard) &&
      isSame(String(headers['x-foreman-signature']), own) &&
      age <= TOLERANCE_MS
    )
  }
}

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
