// Recognition of a call that is sent again: Idempotency-Key, the retry count of the SDKs, and a fingerprint of caller and
// body. Pure. live.ts knows which call waits with which key.

import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Submission } from '../domain/job.ts'
import { inPieces, type Slices } from '../text/slices.ts'

export type IdempotencyKey =
  | { readonly kind: 'none' }
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'invalid'; readonly detail: string }

/** 1 to 255 visible ASCII characters, once. Node joins a repeated header with ", ", and a space is not visible. */
export function readIdempotencyKey(headers: IncomingHttpHeaders): IdempotencyKey {
  const raw = headers['idempotency-key']
  if (raw === undefined) return { kind: 'none' }
  const key = Array.isArray(raw) ? raw.join(', ') : raw
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return { kind: 'key', key }
  return { kind: 'invalid', detail: 'Idempotency-Key must be 1 to 255 visible ASCII characters, sent once' }
}

/** The OpenAI and Anthropic SDKs count their own retries in a header. */
export function saysItIsARetry(headers: IncomingHttpHeaders): boolean {
  const count = Number(headers['x-stainless-retry-count'])
  return Number.isInteger(count) && count > 0
}

/** Equal for the same endpoint, body, peer, credential and agent: only that caller may take over the job of a lost call. */
export function* fingerprint(submission: Submission, headers: IncomingHttpHeaders, peer: string): Slices<string> {
  const hash = createHash('sha256')
  const credential = `${headers.authorization ?? ''}\n${String(headers['x-api-key'] ?? '')}`
  for (const part of [submission.endpoint, peer, credential, headers['user-agent'] ?? '']) hash.update(`${part}\0`)
  yield* inPieces(submission.body, (piece) => void hash.update(piece))
  return hash.digest('base64')
}
