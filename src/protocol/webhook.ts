// Owns how a webhook is signed and how a receiver believes it, and what it carries. Runs wherever WebCrypto does (Node 22,
// Bun, browsers), so nothing of Node is used; it reads no clock and no request, only the bytes that it is given.

import type { ArtifactDocument, JobErrorDocument, JobState, TimingsDocument, UsageDocument } from './wire.ts'

/** What is POSTed at a state change (docs/webhooks.md). */
export interface WebhookPayload {
  type: `job.${JobState}`
  /** Number of the state change in its job, from 1. A job's webhooks come in this order. */
  sequence: number
  job_id: string
  state: JobState
  previous_state: JobState | null
  /** ISO time of the change, not of the sending. */
  timestamp: string
  model: string
  /** Times the job had been sent by then. */
  attempt: number
  /** From here on: with the final state only. */
  timings?: TimingsDocument
  usage?: UsageDocument | null
  error?: JobErrorDocument | null
  /** An artifact of at most 256 KiB has its `data` here, a larger one a `url`. */
  artifacts?: ArtifactDocument[]
  /** What the endpoint answers unstreamed. Absent unless `done`, and where `result_omitted`. */
  result?: unknown
  result_omitted?: true
}

export const WEBHOOK_HEADERS = {
  /** Stable over retries: what to deduplicate on. */
  id: 'webhook-id',
  /** Seconds since 1970 of this sending. */
  timestamp: 'webhook-timestamp',
  /** `v1,<base64>`, one for each secret, with spaces between. */
  signature: 'webhook-signature',
  /** `sha256=<hex>` over the body alone, with the first secret. */
  bodySignature: 'x-foreman-signature',
} as const

/** How far a webhook's timestamp may lie from the receiver's clock, seconds, either way. */
export const WEBHOOK_TOLERANCE_S = 300

export type WebhookKey = Uint8Array<ArrayBuffer>

/** `01JD…-4`. No dot: what is signed is `id.timestamp.body`, and must be readable in one way only. */
export const webhookId = (jobId: string, sequence: number): string => `${jobId}-${sequence}`

/** Key bytes of a secret: `whsec_` and base64 as in Standard Webhooks, else its own UTF-8 bytes. Null: not base64. */
export function webhookKey(secret: string): WebhookKey | null {
  if (!secret.startsWith('whsec_')) return new TextEncoder().encode(secret)
  const encoded = secret.slice('whsec_'.length)
  // atob skips white space, which would quietly make another key of a mistyped one.
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) && encoded.replace(/=+$/, '').length % 4 !== 1
  return isBase64 ? fromBase64(encoded) : null
}

export interface Signing {
  /** See `webhookId`. */
  readonly id: string
  /** Seconds since 1970. */
  readonly timestamp: number
  readonly body: Uint8Array<ArrayBuffer>
  /** Newest first; none: the webhook goes unsigned, with id and timestamp. */
  readonly keys: readonly WebhookKey[]
}

/** The headers of one webhook. */
export async function signWebhook({ id, timestamp, body, keys }: Signing): Promise<Record<string, string>> {
  const headers: Record<string, string> = {
    [WEBHOOK_HEADERS.id]: id,
    [WEBHOOK_HEADERS.timestamp]: String(timestamp),
  }
  const imported = await Promise.all(keys.map((key) => hmacKey(key, 'sign')))
  const [first] = imported
  if (first === undefined) return headers
  const content = signedContent(id, String(timestamp), body)
  const signatures = await Promise.all(imported.map((key) => crypto.subtle.sign('HMAC', key, content)))
  headers[WEBHOOK_HEADERS.signature] = signatures.map((bytes) => `v1,${toBase64(new Uint8Array(bytes))}`).join(' ')
  headers[WEBHOOK_HEADERS.bodySignature] =
    `sha256=${toHex(new Uint8Array(await crypto.subtle.sign('HMAC', first, body)))}`
  return headers
}

/** `Headers` of fetch, or the headers of a Node request. */
export type ReceivedHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

export interface Received {
  readonly headers: ReceivedHeaders
  /** The raw body as it came. Parsed and written again it is another body. */
  readonly body: Uint8Array<ArrayBuffer>
  /** All that are valid now: one, or two while rotating. */
  readonly keys: readonly WebhookKey[]
  /** The receiver's clock, milliseconds since 1970. */
  readonly now: number
  /** Default WEBHOOK_TOLERANCE_S. */
  readonly toleranceS?: number
}

/**
 * Why a webhook is not believed: a header of the three is missing, or is none; it was sent too long ago, or lies in the
 * future; or no signature fits a key.
 */
export type VerificationFailure = 'header_missing' | 'header_malformed' | 'too_old' | 'too_new' | 'signature_mismatch'

export type Verification =
  | { readonly kind: 'valid'; readonly id: string; readonly timestamp: number }
  | { readonly kind: 'invalid'; readonly reason: VerificationFailure }

/** Each costs an HMAC for each key, and whoever can reach a receiver may send a thousand. */
const MAX_SIGNATURES = 16

/**
 * Whether a webhook came from somebody who knows one of `keys`, within the last five minutes. Judged by the Standard
 * Webhooks headers alone: `X-Foreman-Signature` proves no time, so accepting it in their place would let anybody who saw
 * one webhook send it again for ever. Compared in constant time. Never throws for what was received.
 */
export async function verifyWebhook({ headers, body, keys, now, toleranceS }: Received): Promise<Verification> {
  const id = headerOf(headers, WEBHOOK_HEADERS.id)
  const timestamp = headerOf(headers, WEBHOOK_HEADERS.timestamp)
  const signature = headerOf(headers, WEBHOOK_HEADERS.signature)
  if (id === null || timestamp === null || signature === null) return invalid('header_missing')
  if (!/^\d{1,12}$/.test(timestamp)) return invalid('header_malformed')
  const age = now / 1000 - Number(timestamp)
  const tolerance = toleranceS ?? WEBHOOK_TOLERANCE_S
  if (age > tolerance) return invalid('too_old')
  if (age < -tolerance) return invalid('too_new')
  const signatures = signature
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .slice(0, MAX_SIGNATURES)
    .map((part) => bytesOr(() => fromBase64(part.slice('v1,'.length))))
  const isKnown = await fitsAny(keys, signatures, signedContent(id, timestamp, body))
  return isKnown ? { kind: 'valid', id, timestamp: Number(timestamp) } : invalid('signature_mismatch')
}

/**
 * Whether `X-Foreman-Signature` fits the body, for receivers that know nothing else. It says who sent it, not when: prefer
 * `verifyWebhook`.
 */
export async function verifyBodySignature(received: Omit<Received, 'now' | 'toleranceS'>): Promise<boolean> {
  const header = headerOf(received.headers, WEBHOOK_HEADERS.bodySignature)
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(header ?? '')?.[1]
  return hex !== undefined && (await fitsAny(received.keys, [fromHex(hex)], received.body))
}

const invalid = (reason: VerificationFailure): Verification => ({ kind: 'invalid', reason })

function headerOf(headers: ReceivedHeaders, name: string): string | null {
  const value = typeof headers['get'] === 'function' ? headers['get'](name) : (headers as Record<string, unknown>)[name]
  return typeof value === 'string' && value !== '' ? value : null
}

/** All are tried, whatever fits first: how long it takes says nothing. */
async function fitsAny(
  keys: readonly WebhookKey[],
  signatures: readonly Uint8Array<ArrayBuffer>[],
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const imported = await Promise.all(keys.map((key) => hmacKey(key, 'verify')))
  const fits = await Promise.all(
    imported.flatMap((key) => signatures.map((signature) => crypto.subtle.verify('HMAC', key, signature, content))),
  )
  return fits.includes(true)
}

const hmacKey = (key: WebhookKey, usage: 'sign' | 'verify') =>
  crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [usage])

function signedContent(id: string, timestamp: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`)
  const content = new Uint8Array(head.length + body.length)
  content.set(head)
  content.set(body, head.length)
  return content
}

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))
const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

/** What is no base64 fits nothing. */
function bytesOr(read: () => Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  try {
    return read()
  } catch {
    return new Uint8Array(0)
  }
}

/** Longer ones break proxies, and are stored with each job. */
export const MAX_WEBHOOK_URL_CHARS = 2048
