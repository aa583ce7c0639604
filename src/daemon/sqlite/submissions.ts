// Tables of what a job was submitted with, beside its row: the body and the Idempotency-Key. They are not in the jobs table, so
// that its rows stay small.

import type { Idempotency } from '../domain/job.ts'
import type { Statements } from './statement.ts'

/** Bodies as they go to the target, byte for byte. */
export function createBodies({ one, run }: Statements) {
  return {
    put: run<{ sequence: number; body: Uint8Array }>('INSERT INTO bodies (sequence, body) VALUES ($sequence, $body)'),
    get: one<{ body: Uint8Array<ArrayBuffer> }, { sequence: number }>(
      'SELECT body FROM bodies WHERE sequence = $sequence',
    ),
    has: one<{ one: number }, { sequence: number }>('SELECT 1 AS one FROM bodies WHERE sequence = $sequence'),
    /** Copies the body of one job for another. */
    copy: run<{ from: number; to: number }>(
      'INSERT INTO bodies (sequence, body) SELECT $to, body FROM bodies WHERE sequence = $from',
    ),
    drop: run<{ sequence: number }>('DELETE FROM bodies WHERE sequence = $sequence'),
  }
}

export const IDEMPOTENCY_SQL = `SELECT j.id, i.fingerprint FROM idempotency i CROSS JOIN jobs j ON j.sequence = i.sequence
  WHERE i.key = $key`

/** Keys, each for as long as its job is kept, with fingerprints of the requests. */
export function createIdempotency({ one, run }: Statements) {
  const find = one<{ id: string; fingerprint: Uint8Array }, { key: string }>(IDEMPOTENCY_SQL)
  return {
    put: run<Idempotency & { sequence: number }>(
      'INSERT INTO idempotency (key, fingerprint, sequence) VALUES ($key, $fingerprint, $sequence)',
    ),
    /** Returns null if the key is unused or its job was deleted. `isSame`: the request has the same fingerprint. */
    find({ key, fingerprint }: Idempotency): { readonly jobId: string; readonly isSame: boolean } | null {
      const row = find({ key })
      return row === null ? null : { jobId: row.id, isSame: Buffer.compare(row.fingerprint, fingerprint) === 0 }
    },
  }
}
