// One transaction of the store: its durability, a savepoint for each operation, one COMMIT, and the effect of an error. Every
// statement of an operation runs inside one. It neither answers nor tries again.

import type { DatabaseSync } from 'node:sqlite'
import { errcodeOf, verdictOf } from './failure.ts'
import type { Commit } from './messages.ts'
import { pragma } from './opening.ts'
import { rowOf, type StoreOperation } from './operations.ts'
import { NEEDS_SYNC } from './queueing.ts'
import type { Durability, Tables } from './tables.ts'

/** The outcome of one operation. Only `result` has changed anything. */
export type Executed =
  | { readonly kind: 'result'; readonly result: unknown }
  /** The operation itself failed. */
  | { readonly kind: 'error'; readonly message: string }
  /** It must run in the synced transaction. */
  | { readonly kind: 'needs_sync' }
  /** The disk is full: undone, with everything else in the same transaction. */
  | { readonly kind: 'full' }

/** The state of the disk is unknown: the store must not run any more statements. */
export class BrokenStore extends Error {
  constructor(doing: string, cause: unknown) {
    super(`${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'BrokenStore'
  }
}

export interface Transactions {
  run(durability: Durability, operations: readonly StoreOperation[]): Executed[]
}

/** Times the busy timeout of 5 s. A tool that locks the file for a whole minute breaks the queue. */
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
      // Not possible inside a transaction. It takes effect when it is compiled, so a prepared statement would do it only once.
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

  /** Runs one operation in its savepoint. After `full` the transaction is rolled back. */
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
      // SQLite may roll back the whole transaction; then the savepoint is gone.
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
      // SQLite distinguishes a full disk from a failed sync. Only after a full disk is it certain that nothing was committed.
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
