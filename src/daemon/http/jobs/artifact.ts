// `GET /jobs/{id}/artifacts/{name}`: the bytes with their type, all or a range of them. They come from a model or the target,
// so the headers keep a browser from running them. A body that cannot be finished is cut, never ended.

import type { ArtifactEntry } from '../../domain/artifact.ts'
import type { Store } from '../../sqlite/store.ts'
import { quoteForError } from '../../text/quote.ts'
import { reasonPhrase } from '../error-body.ts'
import { ownError } from '../respond.ts'
import { pour } from '../slow-reader.ts'
import { requestedRange } from './artifact-range.ts'
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
