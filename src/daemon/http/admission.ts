// Admission of waiting calls and async jobs to the queue: reads the request, and says why it cannot become a job. It sends no
// answer and writes no job.

import type { IncomingHttpHeaders } from 'node:http'
import { isCloudModel } from '../domain/affinity.ts'
import { retryAfterSeconds } from '../domain/job.ts'
import { isInstalled } from '../domain/target-status.ts'
import { decodeBody } from '../request/content-coding.ts'
import type { ReadingSettings, RequestBytes } from '../request/submission.ts'
import type { Prober } from '../services/prober.ts'
import type { Slices } from '../text/slices.ts'
import type { Call, ReceivedBody } from './call.ts'
import type { HttpContext } from './context.ts'
import { type OwnError, ownError, targetVersion } from './respond.ts'

/** Decodes a body and reads it with `read`, in slices. Returns null once `isGone` returns true. */
export async function readRequest<T>(
  { context, req, shared }: Call,
  body: ReceivedBody['body'],
  read: (request: RequestBytes, settings: ReadingSettings) => Slices<T>,
  isGone?: () => boolean,
): Promise<T | null> {
  const { 'content-type': contentType = null, 'content-encoding': contentEncoding = null } = req.headers
  const coding = await decodeBody(body, contentType, contentEncoding)
  const settings = { version: targetVersion(context), knownModel: context.knownModel }
  return shared.slices.run(read({ body, contentType, contentEncoding, coding }, settings), isGone)
}

type IdempotencyKey =
  | { readonly kind: 'none' }
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'invalid'; readonly error: OwnError }

/** 1 to 255 visible ASCII characters, once. Node joins a repeated header with ", ", and a space is not visible. */
export function readIdempotencyKey(headers: IncomingHttpHeaders): IdempotencyKey {
  const raw = headers['idempotency-key']
  if (raw === undefined) return { kind: 'none' }
  const key = Array.isArray(raw) ? raw.join(', ') : raw
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return { kind: 'key', key }
  const detail = 'Idempotency-Key must be 1 to 255 visible ASCII characters, sent once'
  return { kind: 'invalid', error: ownError('bad_request', { detail }) }
}

/** Whether the model is missing in the last probe and in one made now. Returns false if nothing is known of the target. */
export async function isUnknownModel(model: string, prober: Pick<Prober, 'status' | 'probe'>): Promise<boolean> {
  if (isCloudModel(model) || isInstalled(model, prober.status) !== false) return false
  return isInstalled(model, await prober.probe('unknown model')) === false
}

/** The error for a job that the store did not accept, with a Retry-After estimated from the queue. */
export function queueFullError(
  kind: 'queue_full' | 'storage_full',
  { store, config, dispatcher }: Pick<HttpContext, 'store' | 'config' | 'dispatcher'>,
): OwnError {
  if (kind === 'storage_full') return ownError(kind)
  return { ...ownError(kind), retryAfter: retryAfterSeconds(store.depth, config, dispatcher.runTimes.recentMs) }
}
