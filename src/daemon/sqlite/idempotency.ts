// Table of idempotency keys: which job a key belongs to, for as long as that job is kept. It stores fingerprints of the
// requests, not bodies.

import type { DatabaseSync } from 'node:sqlite'
import type { Idempotency } from '../domain/job.ts'
import { prepare } from './statement.ts'

export interface IdempotencyTable {
  put(sequence: number, idempotency: Idempotency): void
  /** Returns null if the key is unused or its job was deleted. `isSame`: the request has the same fingerprint. */
  find(idempotency: Idempotency): { readonly jobId: string; readonly isSame: boolean } | null
}

export const IDEMPOTENCY_SQL = `SELECT j.id, i.fingerprint FROM idempotency i CROSS JOIN jobs j ON j.sequence = i.sequence
  WHERE i.key = $key`

export function createIdempotency(db: DatabaseSync): IdempotencyTable {
  const insert = prepare<{ key: string; fingerprint: Uint8Array; sequence: number }>(
    db,
    'INSERT INTO idempotency (key, fingerprint, sequence) VALUES ($key, $fingerprint, $sequence)',
  )
  const find = prepare<{ key: string }, { id: string; fingerprint: Uint8Array }>(db, IDEMPOTENCY_SQL)
  return {
    put: (sequence, { key, fingerprint }) => void insert.run({ key, fingerprint, sequence }),
    find({ key, fingerprint }) {
      const row = find.get({ key })
      return row === undefined ? null : { jobId: row.id, isSame: Buffer.compare(row.fingerprint, fingerprint) === 0 }
    },
  }
}
