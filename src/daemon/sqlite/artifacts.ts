// Tables of the output of async jobs: artifacts, in chunks, and results. Each row is written once, in the transaction that
// finishes its job, and deleted with the job. A live call has none: its caller has the output.

import { createHash } from 'node:crypto'
import {
  type Artifact,
  type ArtifactEntry,
  type ArtifactName,
  INLINE_BYTES,
  type JobOutput,
} from '../domain/artifact.ts'
import type { JobDetail } from '../domain/job-document.ts'
import type { Statements } from './statement.ts'

interface ArtifactRow {
  readonly id: number
  readonly name: ArtifactName
  readonly content_type: string
  readonly bytes: number
  readonly etag: string
}

/** Same as in the migration. An artifact that is shown inline fits in one chunk, so it is not copied. */
const ARTIFACT_CHUNK_BYTES = 256 * 1024

export const ARTIFACT_SQL = {
  entries: 'SELECT id, name, content_type, bytes, etag FROM artifacts WHERE sequence = $sequence ORDER BY name',
  find: `SELECT a.id, a.bytes FROM jobs j JOIN artifacts a ON a.sequence = j.sequence
    WHERE j.id = $id AND a.name = $name`,
  pieces: `SELECT body FROM pieces WHERE artifact = $artifact AND number BETWEEN $first AND $last ORDER BY number`,
  result: 'SELECT is_response, body FROM results WHERE sequence = $sequence',
}

/** In hexadecimal. */
export const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')

export function createArtifacts({ one, all, run }: Statements) {
  const insert = one<
    { id: number },
    { sequence: number; name: string; contentType: string; bytes: number; etag: string }
  >(
    `INSERT INTO artifacts (sequence, name, content_type, bytes, etag)
     VALUES ($sequence, $name, $contentType, $bytes, $etag) RETURNING id`,
  )
  const insertPiece = run<{ artifact: number; number: number; body: Uint8Array }>(
    'INSERT INTO pieces (artifact, number, body) VALUES ($artifact, $number, $body)',
  )
  const insertResult = run<{ sequence: number; isResponse: number; body: Uint8Array | null }>(
    'INSERT INTO results (sequence, is_response, body) VALUES ($sequence, $isResponse, $body)',
  )
  const entries = all<ArtifactRow, { sequence: number }>(ARTIFACT_SQL.entries)
  const find = one<{ id: number; bytes: number }, { id: string; name: string }>(ARTIFACT_SQL.find)
  const pieces = all<{ body: Uint8Array<ArrayBuffer> }, { artifact: number; first: number; last: number }>(
    ARTIFACT_SQL.pieces,
  )
  const result = one<{ is_response: number; body: Uint8Array<ArrayBuffer> | null }, { sequence: number }>(
    ARTIFACT_SQL.result,
  )

  function put(sequence: number, { name, contentType, body }: Artifact): void {
    const row = insert({ sequence, name, contentType, bytes: body.byteLength, etag: sha256(body) })
    if (row === null) throw new Error(`artifact ${name} of ${sequence} was not inserted`)
    for (let number = 0; number * ARTIFACT_CHUNK_BYTES < body.byteLength; number += 1) {
      const piece = body.subarray(number * ARTIFACT_CHUNK_BYTES, (number + 1) * ARTIFACT_CHUNK_BYTES)
      insertPiece({ artifact: row.id, number, body: piece })
    }
  }

  function bytesOf(artifact: number, from: number, to: number): Uint8Array<ArrayBuffer> {
    if (from >= to) return new Uint8Array(0)
    const first = Math.floor(from / ARTIFACT_CHUNK_BYTES)
    const rows = pieces({ artifact, first, last: Math.floor((to - 1) / ARTIFACT_CHUNK_BYTES) })
    const start = first * ARTIFACT_CHUNK_BYTES
    const [only] = rows
    if (rows.length === 1 && only !== undefined && from === start && only.body.byteLength === to - from)
      return only.body
    const whole = new Uint8Array(to - from)
    let at = start
    for (const { body } of rows) {
      const wanted = body.subarray(Math.max(0, from - at), Math.max(0, to - at))
      whole.set(wanted, Math.max(0, at - from))
      at += body.byteLength
    }
    return whole
  }

  return {
    put(sequence: number, { artifacts, result, responseIsResult }: JobOutput): void {
      for (const artifact of artifacts) put(sequence, artifact)
      if (result === null && !responseIsResult) return
      const body = result !== null && result.byteLength <= INLINE_BYTES ? result : null
      insertResult({ sequence, isResponse: result === null ? 1 : 0, body })
    },
    /** Returns the artifacts of a job, `completion` first. */
    entries: (sequence: number): ArtifactEntry[] =>
      entries({ sequence }).map(({ id, name, content_type: contentType, bytes, etag }) => {
        const inline = bytes <= INLINE_BYTES ? bytesOf(id, 0, bytes) : null
        return { name, contentType, bytes, etag, inline }
      }),
    /** `shown`: the artifacts of the same job. With them, a result that is the response is not read twice. */
    result(sequence: number, shown: readonly ArtifactEntry[]): JobDetail['result'] {
      const row = result({ sequence })
      if (row === null) return null
      const json = row.is_response === 0 ? row.body : (shown.find(({ name }) => name === 'response')?.inline ?? null)
      return json === null ? { omitted: true } : { json }
    },
    /** Returns bytes `from` (inclusive) to `to` (exclusive), cut at the end. Returns null if the artifact is missing. */
    read(id: string, name: string, from: number, to: number) {
      const row = find({ id, name })
      return row === null ? null : bytesOf(row.id, Math.max(0, from), Math.min(to, row.bytes))
    },
  }
}
