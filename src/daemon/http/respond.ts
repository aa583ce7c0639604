// Writers of foreman's own answers: a document with its length, an error in the form of its surface, the refusal of a request
// whose body was not read. Answers of the target do not pass through here.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { ERRORS, type ErrorCode, type ErrorEntry, errorMessage } from '../../protocol/error.ts'
import { ASSUMED_VERSION } from '../domain/ollama-version.ts'
import type { Speaker } from '../request/ollama-error.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Prober } from '../services/prober.ts'
import { errorBody, reasonPhrase, type Surface } from './error-body.ts'

export interface OwnError {
  readonly status: number
  readonly message: string
  /** Null if it is an error that Ollama would send, in its words. */
  readonly code: ErrorCode | null
  /** The part of Ollama that would send it. */
  readonly speaker?: Speaker
  /** In seconds. Without it, the value in the table of errors. */
  readonly retryAfter?: number
}

export const JSON_TYPE = 'application/json; charset=utf-8'
export const TEXT_TYPE = 'text/plain; charset=utf-8'
/** Headers of an answer that no cache may keep. */
export const FRESH = { 'Cache-Control': 'no-store' }

type Headers = Readonly<Record<string, string>>

/** An error of the table, with `values` filled in. */
export function ownError(code: ErrorCode, values: Readonly<Record<string, string | number>> = {}): OwnError {
  return { status: ERRORS[code].status ?? 500, message: errorMessage(code, values), code }
}

/** What the sending of an error depends on. */
export interface ErrorContext {
  readonly clock: Clock
  readonly prober: Pick<Prober, 'status'>
}

/** The target's version, for the texts of errors. */
export const targetVersion = ({ prober }: Pick<ErrorContext, 'prober'>): string =>
  prober.status.inventory?.version ?? ASSUMED_VERSION

/** Sends a whole answer. Does nothing if another one has begun, or if the caller has gone. */
export function send(
  res: ServerResponse,
  status: number,
  contentType: string,
  body: string | Uint8Array,
  headers: Headers = {},
): void {
  if (res.headersSent || res.destroyed) return
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  res.writeHead(status, reasonPhrase(status), { 'Content-Type': contentType, 'Content-Length': length, ...headers })
  res.end(body)
}

/** Sends a document of foreman's own, as an object or as JSON text. */
export function sendJson(res: ServerResponse, status: number, document: object | string, headers: Headers = {}): void {
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  send(res, status, JSON_TYPE, text, { 'X-Content-Type-Options': 'nosniff', ...FRESH, ...headers })
}

/** Sends an error in the form of its surface, whether the request's body was read or not. */
export function refuse(context: ErrorContext, res: ServerResponse, surface: Surface, error: OwnError): void {
  const { status, message, code, speaker } = error
  const { contentType, body } = errorBody(surface, status, message, code, targetVersion(context), speaker)
  sendEarly(context, res, status, contentType, body, errorHeaders(error))
}

/** Sends an error as Ollama's router does: plain text, without a charset. */
export function sendPlain(
  context: ErrorContext,
  res: ServerResponse,
  status: number,
  text: string,
  headers: Headers = {},
): void {
  sendEarly(context, res, status, 'text/plain', text, headers)
}

function errorHeaders({ code, retryAfter, status }: OwnError): Record<string, string> {
  const headers: Record<string, string> = { 'X-Content-Type-Options': 'nosniff' }
  const entry: ErrorEntry | null = code === null ? null : ERRORS[code]
  if (code !== null) headers['X-Foreman-Error'] = code
  const seconds = retryAfter ?? entry?.retryAfter
  if (seconds !== undefined) headers['Retry-After'] = String(seconds)
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer'
  return headers
}

/** Node reads and drops an unread body of at most this size, and the connection stays usable. */
const MAX_DISCARDED_BYTES = 64 * 1024
/** How long a caller may go on sending an unwanted body before the connection is closed. */
export const UNREAD_LINGER_MS = 2_000

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'

/** Whether so much is unread that the connection cannot be reused. After `Expect` the body may come or not: it cannot either. */
function leavesMuchUnread(req: IncomingMessage): boolean {
  if (!hasBody(req) || req.complete) return false
  if (req.readableDidRead) return true
  return req.headers.expect !== undefined || !(Number(req.headers['content-length']) <= MAX_DISCARDED_BYTES)
}

/**
 * Sends an answer for which the body may be unread. If much of it is, this goes on reading for a moment: a socket that is
 * closed with unread bytes is reset, and many clients then report the reset and never see the answer.
 */
function sendEarly(
  { clock }: ErrorContext,
  res: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  headers: Headers,
): void {
  const { req } = res
  if (!leavesMuchUnread(req)) return send(res, status, contentType, body, headers)
  if (res.headersSent || res.destroyed) return
  const head = { 'Content-Type': contentType, ...headers, 'Content-Length': Buffer.byteLength(body) }
  res.writeHead(status, reasonPhrase(status), { ...head, Connection: 'close' }).write(body)
  const timer = clock.after(UNREAD_LINGER_MS, () => res.end())
  const done = (): void => {
    timer.cancel()
    res.end()
  }
  req.removeAllListeners('data').removeAllListeners('readable').once('end', done).once('error', done).resume()
  res.once('close', () => timer.cancel())
}
