// Which bytes of an artifact a caller asks for, and whether the caller has them already (RFC 9110: ETag, If-None-Match,
// If-Range, Range). Pure. A Range header that does not parse is ignored, and the whole artifact is sent.

import type { IncomingHttpHeaders } from 'node:http'

type RequestedRange =
  | { readonly kind: 'whole' }
  /** `from` inclusive, `to` exclusive. */
  | { readonly kind: 'part'; readonly from: number; readonly to: number }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'unsatisfiable' }

const WHOLE: RequestedRange = { kind: 'whole' }

/** @param etag with its quotes; strong */
export function requestedRange(
  headers: IncomingHttpHeaders,
  isGet: boolean,
  bytes: number,
  etag: string,
): RequestedRange {
  if (knows(headers['if-none-match'], etag)) return { kind: 'unchanged' }
  const ifRange = headers['if-range']
  // A range only applies to GET. A weak tag or a date does not prove that the bytes are the same.
  if (!isGet || headers.range === undefined || (ifRange !== undefined && ifRange !== etag)) return WHOLE
  return rangeOf(headers.range, bytes)
}

/** A request for several ranges gets the whole artifact, which RFC 9110 allows. */
function rangeOf(text: string, bytes: number): RequestedRange {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(text) ?? []
  if (first === '' && last === '') return WHOLE
  if (first === '') return part(Math.max(0, bytes - Number(last)), bytes, bytes)
  if (last !== '' && Number(last) < Number(first)) return WHOLE
  return part(Number(first), last === '' ? bytes : Math.min(bytes, Number(last) + 1), bytes)
}

function part(from: number, to: number, bytes: number): RequestedRange {
  return from < bytes ? { kind: 'part', from, to } : { kind: 'unsatisfiable' }
}

function knows(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
