// Writers of foreman's own answers: a document with its length, an error in the form of its surface, the refusal of a request
// whose body was not read. Answers of the target do not pass through here.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { ERRORS, type ErrorCode, type ErrorEntry, errorMessage } from '../../protocol/error.ts'
import { ASSUMED_VERSION } from '../domain/ollama-version.ts'
import type { Speaker } from '../request/ollama-error.ts'
import type { Clock } from '../runtime/clock.ts'
import type { HttpContext } from './context.ts'
import { errorBody, reasonPhrase, type Surface } from './error-body.ts'

export type { Surface }

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

/** The target's version, for the texts of errors. */
export const targetVersion = (context: HttpContext): string =>
  context.prober.status.inventory?.version ?? ASSUMED_VERSION

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

export function sendJson(res: ServerResponse, status: number, document: unknown, headers: Headers = {}): void {
  send(res, status, JSON_TYPE, JSON.stringify(document), { 'X-Content-Type-Options': 'nosniff', ...headers })
}

/** Sends an error. `version` is the target's. */
export function sendError(res: ServerResponse, surface: Surface, error: OwnError, version: string): void {
  if (res.headersSent || res.destroyed) return
  const { contentType, body } = bodyOf(surface, error, version)
  send(res, error.status, contentType, body, errorHeaders(error))
}

/** Refuses a request, whether its body was read or not. */
export function refuse(context: HttpContext, res: ServerResponse, surface: Surface, error: OwnError): void {
  const { req } = res
  if (!leavesMuchUnread(req)) return sendError(res, surface, error, targetVersion(context))
  if (res.headersSent || res.destroyed) return
  const { contentType, body } = bodyOf(surface, error, targetVersion(context))
  refuseUnread(res, error.status, { 'Content-Type': contentType, ...errorHeaders(error) }, body, context.clock)
}

/** Sends an error as Ollama's router does: plain text, without a charset. */
export function sendPlain(
  context: HttpContext,
  res: ServerResponse,
  status: number,
  text: string,
  headers: Headers = {},
): void {
  if (!leavesMuchUnread(res.req)) return send(res, status, 'text/plain', text, headers)
  refuseUnread(res, status, { 'Content-Type': 'text/plain', ...headers }, text, context.clock)
}

function bodyOf(
  surface: Surface,
  { status, message, code, speaker }: OwnError,
  version: string,
): { contentType: string; body: string } {
  return errorBody(surface, status, message, code, version, speaker)
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
 * Answers at once and goes on reading for a moment. A socket that is closed with unread bytes is reset, and many clients then
 * report the reset and never see the answer.
 */
function refuseUnread(res: ServerResponse, status: number, headers: Headers, body: string, clock: Clock): void {
  const { req } = res
  if (res.headersSent || res.destroyed) return
  const head = { ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' }
  res.writeHead(status, reasonPhrase(status), head)
  res.write(body)
  const timer = clock.after(UNREAD_LINGER_MS, () => res.end())
  const done = (): void => {
    timer.cancel()
    res.end()
  }
  req.removeAllListeners('data').removeAllListeners('readable').once('end', done).once('error', done).resume()
  res.once('close', () => timer.cancel())
}
