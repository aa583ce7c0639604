// Owns the table of idempotency keys: which job a key stands for, as long as that job is kept. It stores no body, only what
// tells two of them apart.

import type { DatabaseSync } from 'node:sqlite'
import type { Idempotency } from '../domain/job.ts'
import { prepare } from './statement.ts'

export interface IdempotencyTable {
  put(sequence: number, idempotency: Idempotency): void
  /** Null: nobody has used the key, or its job is gone. `isSame`: the same was asked with it. */
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
