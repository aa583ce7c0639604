// Owns the HTTP server that hears a client's webhooks: one for all its jobs, open only while somebody needs it. It believes
// nothing that is not signed, and tells its listeners each state change once, in its order.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { verifyWebhook, type WebhookKey, type WebhookPayload, webhookKey } from '../protocol/webhook.ts'
import { isObject, parsedJson } from './connection.ts'
import { ForemanError } from './error.ts'

export interface ReceiverOptions {
  /** Where it listens. Default `127.0.0.1`, which only a foreman on this machine can reach. */
  readonly host?: string
  /** Default: any free port, the same one as long as the client lives. */
  readonly port?: number
  /** How foreman reaches it, a path prefix included. Default: host and port. */
  readonly publicUrl?: string
  /** FOREMAN_WEBHOOK_SECRET there; several while it is being changed. Undefined is a TypeError that says so. */
  readonly secret: string | readonly string[] | undefined
  /**
   * Called when the port cannot be had, and once when a webhook comes that is not signed with the secret. The wait goes on
   * by other means.
   */
  readonly onError?: (error: unknown) => void
}

export interface Hold {
  /** What foreman is to POST to; has a part that nobody can guess. */
  readonly url: string
  /** The last one to let go closes the port. Safe twice. */
  release(): Promise<void>
}

type Listener = (webhook: WebhookPayload) => void

interface ReceiverEar {
  readonly listener: Listener
  sequence: number
}

/** With its artifacts and its result inline a webhook has less than 1 MiB, and JSON may write a byte as six. */
const MAX_BODY_BYTES = 8 * 1024 ** 2

const SECRET_HINT = 'set it to what FOREMAN_WEBHOOK_SECRET is set to at the daemon'

/** What is wrong, by the reason of verifyWebhook; other reasons are those of the signature. */
const DISBELIEF: Readonly<Record<string, string>> = {
  header_missing: 'is not signed: the daemon has no FOREMAN_WEBHOOK_SECRET',
  too_old: 'was signed more than five minutes ago: the clocks of the daemon and of this program differ',
  too_new: 'was signed more than five minutes ahead: the clocks of the daemon and of this program differ',
}

export class WebhookReceiver {
  readonly #options: ReceiverOptions
  readonly #keys: readonly WebhookKey[]
  readonly #tokens: Promise<readonly string[]>
  readonly #ears = new Map<string, ReceiverEar>()
  #holds = 0
  #port: number
  #server: Promise<Server> | null = null
  #closing: Promise<void> = Promise.resolve()
  #hasDisbelieved = false

  /** Throws a TypeError for a secret that is none, and where foreman could not know the address. */
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
      throw new TypeError('receiver.publicUrl is needed where receiver.host is every address')
    }
  }

  /** Opens the port, if it is not open. Rejects when it cannot be had, or outside of Node and Bun. */
  async hold(): Promise<Hold> {
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
      return { url: await this.#url(), release }
    } catch (error) {
      this.#server = null
      await release()
      this.#options.onError?.(error)
      throw error
    }
  }

  /** Hears the webhooks of one job, until the returned function is called. */
  listen(jobId: string, listener: Listener): () => void {
    const ear: ReceiverEar = { listener, sequence: 0 }
    this.#ears.set(jobId, ear)
    return () => {
      if (this.#ears.get(jobId) === ear) this.#ears.delete(jobId)
    }
  }

  /** Where its webhooks go, whether it is open or not; null while that is not known. */
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
    // A result is often waited for right behind the submit: one turn of the event loop saves that a closing.
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
      this.#disbelieve(verification.reason)
      return 401
    }
    const webhook = parsedJson(new TextDecoder().decode(body))
    if (!isWebhook(webhook)) return 400
    this.#tell(webhook)
    return 204
  }

  /** Its path has a part that follows from the secret of this side, so foreman sent it and not somebody who guessed. */
  #disbelieve(reason: string): void {
    if (this.#hasDisbelieved) return
    this.#hasDisbelieved = true
    const why = DISBELIEF[reason] ?? `is not signed with receiver.secret: ${SECRET_HINT}`
    this.#options.onError?.(new ForemanError(`a webhook came that ${why}`))
  }

  /** A job that nobody waits for now is acknowledged, too: whoever waits for it later looks first. */
  #tell(webhook: WebhookPayload): void {
    const ear = this.#ears.get(webhook.job_id)
    // A webhook-id is a job and a sequence, so this leaves out what comes twice as well.
    if (ear === undefined || webhook.sequence <= ear.sequence) return
    ear.sequence = webhook.sequence
    ear.listener(webhook)
  }
}

/**
 * Nobody can guess it who does not know the secret, and it is the same after a restart: it is part of the body of a submit,
 * and the same Idempotency-Key with another body is refused.
 */
async function tokenOf(key: WebhookKey): Promise<string> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const mac = await crypto.subtle.sign('HMAC', imported, new TextEncoder().encode('foreman-client receiver'))
  return Array.from(new Uint8Array(mac, 0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Hidden from what runs in a browser; there it rejects. */
async function nodeHttp(): Promise<typeof import('node:http')> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ 'node:http')
  } catch (error) {
    throw new Error('a receiver needs Node or Bun', { cause: error })
  }
}

/** Null when it is too long to be a webhook. */
async function bodyOf(req: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of req as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) return null
    chunks.push(chunk)
  }
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.length
  }
  return body
}

function isWebhook(it: unknown): it is WebhookPayload {
  if (!isObject(it)) return false
  return typeof it['job_id'] === 'string' && typeof it['state'] === 'string' && typeof it['sequence'] === 'number'
}
