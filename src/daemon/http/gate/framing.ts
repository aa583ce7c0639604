// Checks of a request's form that RFC 9112 requires and Node does not make: Node 26.10 accepts two Host headers,
// absolute-form targets and `Transfer-Encoding: gzip, chunked`. Pure.

import type { IncomingMessage } from 'node:http'
import { type OwnError, ownError } from '../respond.ts'

/** A GET may have a body of this size, which is ignored. A larger one is a mistake, or request smuggling. */
const MAX_IGNORED_BODY_BYTES = 1024

const bad = (detail: string): OwnError => ownError('bad_request', { detail })

/** Returns null if the form is valid. */
export function formRefusal({
  method,
  url = '',
  headers,
  rawHeaders,
  httpVersionMajor,
}: IncomingMessage): OwnError | null {
  // Node reads `GET /` without a version as HTTP/0.9, which has no headers to check.
  if (httpVersionMajor !== 1) return bad('unsupported HTTP version: use HTTP/1.1')
  // Absolute-form names a host of the caller's choice, and this server is not a proxy.
  if (!url.startsWith('/') && !(url === '*' && method === 'OPTIONS')) return bad('the request target must be a path')
  let hosts = 0
  let authorizations = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations += 1
  }
  if (hosts > 1) return bad('more than one Host header: send one')
  if (authorizations > 1) return bad('more than one Authorization header: send one')
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return ownError('not_implemented')
  if (isBodiless(method) && Number(headers['content-length'] ?? 0) > MAX_IGNORED_BODY_BYTES)
    return bad(`a ${method} request must not have a body`)
  return null
}

export const isBodiless = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD'

const MAX_KEPT_VALUE_LENGTH = 2048
const READ_LATER = new Set(['content-type', 'content-encoding', 'accept', 'authorization', 'x-api-key', 'user-agent'])

/** Drops long headers that are not read later, such as cookies: a request may wait for hours and hold 64 KiB of them. */
export function dropLongHeaders({ rawHeaders, headers }: Pick<IncomingMessage, 'rawHeaders' | 'headers'>): void {
  if (!rawHeaders.some((text) => text.length > MAX_KEPT_VALUE_LENGTH)) return
  for (const [name, value] of Object.entries(headers))
    if (!READ_LATER.has(name) && String(value).length > MAX_KEPT_VALUE_LENGTH) delete headers[name]
  rawHeaders.length = 0
}

/** Whether all percent signs of a path are escapes of valid UTF-8. */
export function isWellEscaped(path: string): boolean {
  if (!path.includes('%')) return true
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
