// Table of request bodies, as they go to the target, byte for byte. They are not in the jobs table, so that its rows stay
// small.

import type { DatabaseSync } from 'node:sqlite'
import { prepare } from './statement.ts'

export interface BodiesTable {
  put(sequence: number, body: Uint8Array): void
  get(sequence: number): Uint8Array<ArrayBuffer> | null
  has(sequence: number): boolean
  /** Copies the body of one job for another. */
  copy(from: number, to: number): void
  drop(sequence: number): void
}

export function createBodies(db: DatabaseSync): BodiesTable {
  const put = prepare<{ sequence: number; body: Uint8Array }>(
    db,
    'INSERT INTO bodies (sequence, body) VALUES ($sequence, $body)',
  )
  const get = prepare<{ sequence: number }, { body: Uint8Array<ArrayBuffer> }>(
    db,
    'SELECT body FROM bodies WHERE sequence = $sequence',
  )
  const has = prepare<{ sequence: number }, { one: number }>(
    db,
    'SELECT 1 AS one FROM bodies WHERE sequence = $sequence',
  )
  const copy = prepare<{ from: number; to: number }>(
    db,
    'INSERT INTO bodies (sequence, body) SELECT $to, body FROM bodies WHERE sequence = $from',
  )
  const drop = prepare<{ sequence: number }>(db, 'DELETE FROM bodies WHERE sequence = $sequence')
  return {
    put: (sequence, body) => void put.run({ sequence, body }),
    get: (sequence) => get.get({ sequence })?.body ?? null,
    has: (sequence) => has.get({ sequence }) !== undefined,
    copy: (from, to) => void copy.run({ from, to }),
    drop: (sequence) => void drop.run({ sequence }),
  }
}
