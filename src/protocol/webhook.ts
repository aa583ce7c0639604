// Webhook payload, signature and verification. Runs wherever WebCrypto does (Node 22, Bun, browsers). Pure: the time and the
// bytes are arguments.

import { concatenated, toHex } from './bytes.ts'
import type { ArtifactDocument, JobErrorDocument, JobState, TimingsDocument, UsageDocument } from './wire.ts'

/** Body of the POST for one state change (docs/webhooks.md). */
export interface WebhookPayload {
  type: `job.${JobState}`
  /** Number of the state change within the job, from 1. The webhooks of a job arrive in this order. */
  sequence: number
  job_id: string
  state: JobState
  /** The state before; null for `queued` at the submit. */
  previous_state: JobState | null
  /** ISO time of the state change, not of this delivery. */
  timestamp: string
  model: string
  /** How often the job had been sent to Ollama by then. */
  attempt: number
  /** This and the following fields are present with a final state only. Durations are in milliseconds. */
  timings?: TimingsDocument
  usage?: UsageDocument | null
  error?: JobErrorDocument | null
  /** An artifact of at most 256 KiB has `data`, a larger one a `url`. */
  artifacts?: ArtifactDocument[]
  /** The answer of the endpoint as if it had not been streamed. Absent unless `done`, and if `result_omitted`. */
  result?: unknown
  /** Set if the result is larger than 256 KiB. */
  result_omitted?: true
}

export const WEBHOOK_HEADERS = {
  /** Same for each retry. Use it to ignore duplicates. */
  id: 'webhook-id',
  /** Time of this delivery, in seconds since 1970. */
  timestamp: 'webhook-timestamp',
  /** `v1,<base64>` for each secret, separated by spaces. */
  signature: 'webhook-signature',
  /** `sha256=<hex>` over the body alone, with the first secret. */
  bodySignature: 'x-foreman-signature',
} as const

/** Allowed difference between a webhook's timestamp and the receiver's clock, in seconds, either way. */
const WEBHOOK_TOLERANCE_S = 300

export type WebhookKey = Uint8Array<ArrayBuffer>

/** `01JD…-4`. Without a dot, because the signed text is `id.timestamp.body` and must be unambiguous. */
export const webhookId = (jobId: string, sequence: number): string => `${jobId}-${sequence}`

/** Key bytes of a secret: base64 after `whsec_` as in Standard Webhooks, else its UTF-8 bytes. Null if not valid base64. */
export function webhookKey(secret: string): WebhookKey | null {
  if (!secret.startsWith('whsec_')) return new TextEncoder().encode(secret)
  const encoded = secret.slice('whsec_'.length)
  // atob ignores white space, so a mistyped secret would silently give another key.
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) && encoded.replace(/=+$/, '').length % 4 !== 1
  return isBase64 ? fromBase64(encoded) : null
}

interface Signing {
  /** See `webhookId`. */
  readonly id: string
  /** Seconds since 1970. */
  readonly timestamp: number
  readonly body: Uint8Array<ArrayBuffer>
  /** Newest first. If empty, the webhook has an id and a timestamp but no signature. */
  readonly keys: readonly WebhookKey[]
}

/** The headers of one webhook. */
export async function signWebhook({ id, timestamp, body, keys }: Signing): Promise<Record<string, string>> {
  const headers: Record<string, string> = {
    [WEBHOOK_HEADERS.id]: id,
    [WEBHOOK_HEADERS.timestamp]: String(timestamp),
  }
  const [first] = keys
  if (first === undefined) return headers
  const content = signedContent(id, String(timestamp), body)
  const signatures = await Promise.all(keys.map((key) => hmac(key, content)))
  headers[WEBHOOK_HEADERS.signature] = signatures.map((bytes) => `v1,${toBase64(bytes)}`).join(' ')
  headers[WEBHOOK_HEADERS.bodySignature] = `sha256=${toHex(await hmac(first, body))}`
  return headers
}

/** The `Headers` of fetch, or the headers of a Node request. */
type ReceivedHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

export interface Received {
  readonly headers: ReceivedHeaders
  /** The raw body. A body that was parsed and serialized again has another signature. */
  readonly body: Uint8Array<ArrayBuffer>
  /** All keys that are valid now: one, or two during a rotation. */
  readonly keys: readonly WebhookKey[]
  /** The receiver's clock, in milliseconds since 1970. */
  readonly now: number
  /** Allowed difference of the clocks in seconds. Default: WEBHOOK_TOLERANCE_S (300). */
  readonly toleranceS?: number
}

/**
 * Why a webhook is invalid: one of the three headers is missing or malformed, the timestamp is too far in the past or the
 * future, or no signature matches a key.
 */
export type VerificationFailure = 'header_missing' | 'header_malformed' | 'too_old' | 'too_new' | 'signature_mismatch'

export type Verification =
  | { readonly kind: 'valid'; readonly id: string; readonly timestamp: number }
  | { readonly kind: 'invalid'; readonly reason: VerificationFailure }

/** Each signature costs one HMAC per key, and any sender could send a thousand. */
const MAX_SIGNATURES = 16

/**
 * Returns whether a webhook was signed with one of `keys` within the last five minutes. Only the Standard Webhooks headers
 * count: `X-Foreman-Signature` does not include the time, so anyone who saw one webhook could replay it for ever. Compares
 * in constant time. Never throws, whatever was received.
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
    .map((part) => fromBase64(part.slice('v1,'.length)))
  const isKnown = await fitsAny(keys, signatures, signedContent(id, timestamp, body))
  return isKnown ? { kind: 'valid', id, timestamp: Number(timestamp) } : invalid('signature_mismatch')
}

/**
 * Returns whether `X-Foreman-Signature` matches the body, for receivers that support nothing else. It does not prove when
 * the webhook was sent: prefer `verifyWebhook`.
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

/** Tries all signatures even after a match, so that the time taken reveals nothing. */
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

/** HMAC-SHA-256. */
export const hmac = async (key: WebhookKey, content: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.sign('HMAC', await hmacKey(key, 'sign'), content))

const signedContent = (id: string, timestamp: string, body: Uint8Array): Uint8Array<ArrayBuffer> =>
  concatenated([new TextEncoder().encode(`${id}.${timestamp}.`), body])

const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))

/** Invalid base64 becomes empty bytes: as a signature, they match no key. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return new Uint8Array(0)
  }
}

/** Longer URLs break proxies, and each job stores its URL. */
export const MAX_WEBHOOK_URL_CHARS = 2048
