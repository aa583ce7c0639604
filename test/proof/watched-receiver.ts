// Owns the third witness: a real receiver of webhooks, as moody as it is told to be, that writes down what came, whether it
// could be believed, and what it answered. It outlives every daemon. Signatures are made out with node:crypto alone.

import { createHmac, timingSafeEqual } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WebhookPayload } from '../../src/protocol/webhook.ts'
import type { Arrival } from './history.ts'
import type { Moments } from './moments.ts'

/** What it does with one webhook. */
export interface Mood {
  /** `cut`: no answer, the line is cut. */
  readonly answer: number | 'cut'
  readonly afterMs: number
}

export const TAKES: Mood = { answer: 204, afterMs: 0 }

const TOLERANCE_MS = 300_000

type Draft = { -readonly [K in keyof Arrival]: Arrival[K] }

export class WatchedReceiver {
  readonly arrivals: readonly Arrival[]
  readonly #arrivals: Draft[] = []
  readonly #moments: Moments
  readonly #secret: string
  /** Wall ms of the clock that the daemon runs on. */
  readonly #now: () => number
  readonly #server = http.createServer((req, res) => void this.#handle(req, res))
  /** Decides over each webhook, from now on. */
  mood: (ref: string) => Mood = () => TAKES

  private constructor(moments: Moments, secret: string, now: () => number) {
    this.#moments = moments
    this.#secret = secret
    this.#now = now
    this.arrivals = this.#arrivals
  }

  static async start(moments: Moments, secret: string, now: () => number): Promise<WatchedReceiver> {
    const receiver = new WatchedReceiver(moments, secret, now)
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  /** Where the webhooks of this work go. */
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
      // Half a webhook is none: its sender was killed.
      return
    }
    const body = Buffer.concat(chunks)
    const ref = (req.url ?? '').slice(1)
    const arrival = this.#noted(ref, req, body)
    this.#arrivals.push(arrival)
    const { answer, afterMs } = this.mood(ref)
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs))
    if (res.destroyed) return
    if (answer === 'cut') return void req.socket.destroy()
    // Before it is out: whoever reads it may send the next at once.
    arrival.answer = { status: answer, at: this.#moments.next() }
    res.writeHead(answer).end()
  }

  #noted(ref: string, { headers }: IncomingMessage, body: Buffer): Draft {
    const payload = JSON.parse(body.toString('utf8')) as WebhookPayload
    const { job_id: jobId, sequence, state, previous_state: previous, attempt, timestamp } = payload
    return {
      ...{ ref, webhookId: String(headers['webhook-id']), isBelieved: this.#isBelieved(headers, body) },
      ...{ jobId, sequence, state, previous, attempt, timestamp },
      completion: payload.artifacts?.find(({ name }) => name === 'completion')?.data ?? null,
      ...{ at: this.#moments.next(), answer: null },
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
