// `GET /jobs/{id}/artifacts/{name}`: the bytes with their type, all or a range of them. They come from a model or the target,
// so the headers keep a browser from running them. A body that cannot be finished is cut, never ended.

import type { IncomingHttpHeaders } from 'node:http'
import type { ArtifactEntry } from '../../domain/artifact.ts'
import type { Store } from '../../sqlite/store.ts'
import { quoteForError } from '../../text/quote.ts'
import { reasonPhrase } from '../error-body.ts'
import { ownError } from '../respond.ts'
import { pour } from '../slow-reader.ts'
import { type JobHandler, jobNotFound } from './job-id.ts'

export const sendArtifact: JobHandler = async (call, id, name) => {
  const { context, req, res } = call
  const detail = await context.store.detail(id, context.dispatcher.residency)
  if (detail === null) return call.refuse(jobNotFound(id))
  const artifact = detail.artifacts.find((entry) => entry.name === name)
  if (artifact === undefined) {
    const isName = name === 'completion' || name === 'response'
    return call.refuse(ownError('artifact_not_found', { id, name: isName ? name : quoteForError(name) }))
  }
  const { bytes } = artifact
  const etag = `"${artifact.etag}"`
  const asked = requestedRange(req.headers, req.method === 'GET', bytes, etag)
  if (asked.kind === 'unsatisfiable') {
    res.setHeader('Content-Range', `bytes */${bytes}`)
    return call.refuse(ownError('range_not_satisfiable', { bytes }))
  }
  if (res.destroyed) return
  // A browser may keep it, but must ask each time: it may have been deleted.
  const always = { ETag: etag, 'Cache-Control': 'private, no-cache' }
  if (asked.kind === 'unchanged') return void res.writeHead(304, reasonPhrase(304), always).end()
  const isPart = asked.kind === 'part'
  const { from, to } = isPart ? asked : { from: 0, to: bytes }
  const status = isPart ? 206 : 200
  res.writeHead(status, reasonPhrase(status), {
    ...always,
    'Content-Type': typeOf(artifact),
    'Content-Length': to - from,
    ...(isPart ? { 'Content-Range': `bytes ${from}-${to - 1}/${bytes}` } : {}),
    'Accept-Ranges': 'bytes',
    'Content-Disposition': 'inline',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': 'sandbox',
  })
  if (req.method === 'HEAD') return void res.end()
  if (artifact.inline !== null) return void res.end(artifact.inline.subarray(from, to))
  await pour(context, res, piecesOf(context.store, id, name, from, to), 'an artifact could not be read to its end')
}

/** A multiple of the size of one row in the store, and small enough that a hundred slow readers hold little. */
const CHUNK_BYTES = 1024 * 1024

/** Reads a stored artifact in pieces, the next once the last was taken. Throws if the artifact has been deleted meanwhile, or is shorter than `to`. */
export async function* piecesOf(store: Store, id: string, name: string, from: number, to: number) {
  for (let at = from; at < to; ) {
    const end = Math.min(to, at + CHUNK_BYTES)
    const piece = await store.artifact(id, name, at, end)
    if (piece === null || piece.byteLength !== end - at) throw new Error(`artifact ${name} of job ${id} is gone`)
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    at = end
  }
}

/** The type that the target gave. One that cannot be sent in a header is replaced. */
const typeOf = ({ contentType }: ArtifactEntry): string =>
  /^[\t\x20-\x7e\x80-\xff]+$/.test(contentType) ? contentType : 'application/octet-stream'

/**
 * Which bytes a caller asks for, and whether the caller has them already (RFC 9110: ETag, If-None-Match, If-Range, Range).
 * A Range header that does not parse is ignored, and the whole artifact is sent.
 */
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
