// Webhook receiver of a client: one HTTP server for all its jobs, open only while it is needed. It accepts only signed
// webhooks, and passes each state change to its listener once, in order.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { concatenated, toHex } from '../protocol/bytes.ts'
import { type JsonDocument, jsonObject } from '../protocol/json.ts'
import { hmac, verifyWebhook, type WebhookKey, type WebhookPayload, webhookKey } from '../protocol/webhook.ts'
import { ForemanError } from './error.ts'

export interface ReceiverOptions {
  /** Address to listen on. Default: `127.0.0.1`, which only a foreman on this machine can reach. */
  readonly host?: string
  /** Port to listen on. Default: a free port, which stays the same for the lifetime of the client. */
  readonly port?: number
  /** URL at which foreman reaches the receiver, with a path prefix if needed. Default: host and port. */
  readonly publicUrl?: string
  /** The daemon's FOREMAN_WEBHOOK_SECRET, or several during a rotation. The client throws a TypeError if undefined. */
  readonly secret: string | readonly string[] | undefined
  /**
   * Called if the port cannot be opened, and once if a webhook arrives that is not signed with the secret. The wait continues
   * by other means. Default: errors are ignored.
   */
  readonly onError?: (error: unknown) => void
}

interface JobListener {
  readonly onWebhook: (webhook: WebhookPayload) => void
  /** Number of the last state change that was passed on. */
  sequence: number
}

/** A webhook with inline artifacts and result has less than 1 MiB of text; JSON may escape one byte as six. */
const MAX_BODY_BYTES = 8 * 1024 ** 2

const SECRET_HINT = 'set it to what FOREMAN_WEBHOOK_SECRET is set to at the daemon'

/** Message for a reason of `verifyWebhook`. All other reasons mean a wrong signature. */
const REJECTION_TEXTS: Readonly<Record<string, string>> = {
  header_missing: 'is not signed: the daemon has no FOREMAN_WEBHOOK_SECRET',
  too_old: 'was signed more than five minutes ago: the clocks of the daemon and of this program differ',
  too_new: 'was signed more than five minutes ahead: the clocks of the daemon and of this program differ',
}

export class WebhookReceiver {
  readonly #options: ReceiverOptions
  readonly #keys: readonly WebhookKey[]
  readonly #tokens: Promise<readonly string[]>
  readonly #listeners = new Map<string, JobListener>()
  #holds = 0
  #port: number
  #server: Promise<Server> | null = null
  #closing: Promise<void> = Promise.resolve()
  #hasReported = false

  /** Throws a TypeError if a secret is invalid, or if the address for foreman is unknown. */
  constructor(options: ReceiverOptions) {
    this.#options = options
    this.#port = options.port ?? 0
    if (options.secret === undefined || options.secret.length === 0) {
      throw new TypeError(`receiver.secret is ${options.secret === undefined ? 'undefined' : 'empty'}: ${SECRET_HINT}`)
    }
    const secrets = typeof options.secret === 'string' ? options.secret.split(',') : options.secret
    const keys = secrets.map((secret) => webhookKey(secret.trim()))
    if (keys.some((key) => key === null || key.length === 0)) {
      throw new TypeError('receiver.secret has an item that is empty or not base64 after whsec_')
    }
    this.#keys = keys.filter((key) => key !== null)
    this.#tokens = Promise.all(this.#keys.map(tokenOf))
    this.#tokens.catch(() => undefined)
    if (['0.0.0.0', '::'].includes(options.host ?? '') && options.publicUrl === undefined) {
      throw new TypeError('receiver.publicUrl is required if receiver.host is 0.0.0.0 or ::')
    }
  }

  /**
   * Opens the port if it is closed, and returns a function that releases it. The last release closes the port. Rejects if the
   * port cannot be opened, or outside Node and Bun.
   */
  async hold(): Promise<() => Promise<void>> {
    this.#holds++
    let isHeld = true
    const release = async (): Promise<void> => {
      if (!isHeld) return
      isHeld = false
      this.#holds--
      await this.#closeIfUnused()
    }
    try {
      this.#server ??= this.#closing.then(() => this.#open())
      await this.#server
      return release
    } catch (error) {
      this.#server = null
      await release()
      this.#options.onError?.(error)
      throw error
    }
  }

  /** Calls `onWebhook` for each webhook of one job, until the returned function is called. Rejects as `hold` does. */
  async listen(jobId: string, onWebhook: JobListener['onWebhook']): Promise<() => Promise<void>> {
    const release = await this.hold()
    const own: JobListener = { onWebhook, sequence: 0 }
    this.#listeners.set(jobId, own)
    return () => {
      if (this.#listeners.get(jobId) === own) this.#listeners.delete(jobId)
      return release()
    }
  }

  /** The URL for webhooks, even while the port is closed. Null until the port is known. */
  async address(): Promise<string | null> {
    return this.#port === 0 && this.#options.publicUrl === undefined ? null : this.#url()
  }

  async #url(): Promise<string> {
    const { host = '127.0.0.1', publicUrl } = this.#options
    const base = publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${this.#port}`
    return `${base.replace(/\/+$/, '')}/${(await this.#tokens)[0]}`
  }

  async #open(): Promise<Server> {
    const { createServer } = await nodeHttp()
    const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (req, res) => {
      this.#receive(req, res).catch(() => res.destroy())
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, this.#options.host ?? '127.0.0.1', () => resolve())
    })
    const address = server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
    return server
  }

  async #closeIfUnused(): Promise<void> {
    const opened = this.#server
    // A result is often awaited right after the submit: one turn of the event loop saves closing and reopening the port.
    await new Promise((resolve) => setTimeout(resolve, 0))
    const server = await opened
    if (server === null || this.#holds > 0 || this.#server !== opened) return this.#closing
    this.#server = null
    this.#closing = new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
    return this.#closing
  }

  async #receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const status = await this.#judge(req)
    res.writeHead(status, { connection: 'close' }).end()
  }

  async #judge(req: IncomingMessage): Promise<number> {
    const [path = ''] = (req.url ?? '').split('?')
    if (!(await this.#tokens).some((token) => path.endsWith(`/${token}`))) return 404
    if (req.method !== 'POST') return 405
    const body = await bodyOf(req)
    if (body === null) return 413
    const verification = await verifyWebhook({ headers: req.headers, body, keys: this.#keys, now: Date.now() })
    if (verification.kind === 'invalid') {
      this.#reject(verification.reason)
      return 401
    }
    const webhook = jsonObject(new TextDecoder().decode(body))
    if (webhook === null || !isWebhook(webhook)) return 400
    this.#pass(webhook as unknown as WebhookPayload)
    return 204
  }

  /** The path contains a token made from this side's secret, so the sender is foreman and its secret or clock is wrong. */
  #reject(reason: string): void {
    if (this.#hasReported) return
    this.#hasReported = true
    const why = REJECTION_TEXTS[reason] ?? `is not signed with receiver.secret: ${SECRET_HINT}`
    this.#options.onError?.(new ForemanError(`a webhook came that ${why}`))
  }

  /** A webhook without a listener is acknowledged too: a later wait reads the job first. */
  #pass(webhook: WebhookPayload): void {
    const own = this.#listeners.get(webhook.job_id)
    // This also ignores duplicates: a webhook-id consists of the job id and the sequence.
    if (own === undefined || webhook.sequence <= own.sequence) return
    own.sequence = webhook.sequence
    own.onWebhook(webhook)
  }
}

/**
 * Path token that cannot be guessed without the secret. It is the same after a restart, because the URL is part of the
 * submit's body and an Idempotency-Key with another body is refused.
 */
async function tokenOf(key: WebhookKey): Promise<string> {
  const mac = await hmac(key, new TextEncoder().encode('foreman-client receiver'))
  return toHex(mac.subarray(0, 16))
}

/** Imported late, so that bundlers for browsers leave it out. Rejects in a browser. */
async function nodeHttp(): Promise<typeof import('node:http')> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ 'node:http')
  } catch (error) {
    throw new Error('a receiver needs Node or Bun', { cause: error })
  }
}

/** Returns null if the body is longer than any webhook. */
async function bodyOf(req: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of req as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) return null
    chunks.push(chunk)
  }
  return concatenated(chunks)
}

const isWebhook = (it: JsonDocument): boolean =>
  typeof it['job_id'] === 'string' && typeof it['state'] === 'string' && typeof it['sequence'] === 'number'
