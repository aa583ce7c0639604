// Owns one transaction of the store: its durability, a savepoint for each operation, one COMMIT, and what an error leaves of
// it. It never answers anybody and never tries again; no statement of an operation runs outside of it.

import type { DatabaseSync } from 'node:sqlite'
import { errcodeOf, verdictOf } from './failure.ts'
import type { Commit } from './messages.ts'
import { pragma } from './opening.ts'
import { type Durability, rowOf, type StoreOperation } from './operations.ts'
import { NEEDS_SYNC } from './queueing.ts'
import type { Tables } from './tables.ts'

/** What became of one operation. Only `result` has changed anything. */
export type Executed =
  | { readonly kind: 'result'; readonly result: unknown }
  /** Its own fault. */
  | { readonly kind: 'error'; readonly message: string }
  /** It belongs into the transaction that is synced. */
  | { readonly kind: 'needs_sync' }
  /** No room on the disk: undone, with everything that stood in the same transaction. */
  | { readonly kind: 'full' }

/** Nobody can say what is on disk: the store must not run one more statement. */
export class BrokenStore extends Error {
  constructor(doing: string, cause: unknown) {
    super(`${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'BrokenStore'
  }
}

export interface Transactions {
  run(durability: Durability, operations: readonly StoreOperation[]): Executed[]
}

/** Times the busy timeout of 5 s: whoever writes into our file with another tool for a minute has broken the queue. */
const BUSY_TRIES = 12

export function createTransactions(
  db: DatabaseSync,
  tables: Tables,
  report: ((commit: Commit) => void) | null,
): Transactions {
  const { counters } = tables
  const contexts = {
    unsynced: { ...tables, durability: 'unsynced' },
    synced: { ...tables, durability: 'synced' },
  } as const
  const savepoint = db.prepare('SAVEPOINT operation')
  const release = db.prepare('RELEASE operation')
  const undo = db.prepare('ROLLBACK TO operation')
  let synchronous: Durability = 'synced'

  function begin(durability: Durability): void {
    if (durability !== synchronous) {
      // Not possible inside a transaction, and done when it is compiled: a prepared statement would do it only once.
      db.exec(`PRAGMA synchronous = ${durability === 'synced' ? 'FULL' : 'NORMAL'}`)
      synchronous = durability
    }
    for (let tries = 1; ; tries += 1) {
      try {
        return db.exec('BEGIN IMMEDIATE')
      } catch (error) {
        if (verdictOf(errcodeOf(error)) !== 'busy' || tries === BUSY_TRIES) throw error
      }
    }
  }

  /** One operation in its savepoint. `full`: the transaction is gone. */
  function step(operation: StoreOperation, durability: Durability): Executed {
    const mark = counters.savepoint()
    savepoint.run()
    try {
      const result = rowOf(operation).run(contexts[durability], ...operation.args)
      if (result === NEEDS_SYNC) {
        undo.run()
        counters.rollback(mark)
      }
      release.run()
      return result === NEEDS_SYNC ? { kind: 'needs_sync' } : { kind: 'result', result }
    } catch (error) {
      const verdict = verdictOf(errcodeOf(error))
      if (verdict === 'full') {
        if (db.isTransaction) db.exec('ROLLBACK')
        return { kind: 'full' }
      }
      // SQLite may roll back more than the statement; then a savepoint contains nothing any more.
      if (verdict !== 'contained' || !db.isTransaction) throw error
      undo.run()
      release.run()
      counters.rollback(mark)
      return { kind: 'error', message: error instanceof Error ? error.message : String(error) }
    }
  }

  function commit(durability: Durability, done: readonly StoreOperation[]): 'committed' | 'full' {
    try {
      db.exec('COMMIT')
    } catch (error) {
      // SQLite tells a full disk from a failed sync; only of the first is it certain that nothing was committed.
      if (verdictOf(errcodeOf(error)) !== 'full') throw error
      if (db.isTransaction) db.exec('ROLLBACK')
      return 'full'
    }
    counters.commit()
    if (done.length > 0) {
      report?.({ durability, synchronous: pragma(db, 'synchronous'), operations: done.map(({ name }) => name) })
    }
    return 'committed'
  }

  return {
    run(durability, operations) {
      const executed: Executed[] = []
      const undone = (): Executed[] => {
        counters.rollback(0)
        return operations.map((_, at) =>
          executed[at]?.kind === 'needs_sync' ? { kind: 'needs_sync' } : { kind: 'full' },
        )
      }
      try {
        begin(durability)
        for (const operation of operations) {
          const one = step(operation, durability)
          if (one.kind === 'full') return undone()
          executed.push(one)
        }
        const done = operations.filter((_, at) => executed[at]?.kind === 'result')
        return commit(durability, done) === 'committed' ? executed : undone()
      } catch (error) {
        throw new BrokenStore(`a transaction of ${operations.map(({ name }) => name).join(', ')} failed`, error)
      }
    },
  }
}
