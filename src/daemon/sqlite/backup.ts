// A consistent copy of the open database, made while the store goes on writing. It has a connection of its own and only reads.

import { closeSync, openSync, rmSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { errcodeOf, verdictOf } from './failure.ts'
import type { BackupResult } from './store.ts'

/** 4 MiB: one step in Node's thread pool, after which the store's thread answers what has come meanwhile. */
const PAGES_A_STEP = 1000

export interface Backups {
  /** Throws if the database could not be read. One at a time. */
  make(): Promise<BackupResult>
  /** Ends the one under way at its next step. */
  stop(): void
}

/** Removes what a killed process left of its backup. `path`: of the database. */
export function createBackups(path: string): Backups {
  const copy = `${path}.backup.part`
  let isStopped = false
  remove(copy)

  async function copyTo(db: DatabaseSync): Promise<BackupResult> {
    // The read transaction is the moment of the backup. Without it, a backup begins anew at each commit of the store.
    db.exec('BEGIN')
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    await backup(db, copy, {
      rate: PAGES_A_STEP,
      progress() {
        if (isStopped) throw new Error('the store was closed while a backup was made')
      },
    })
    return { kind: 'made', path: copy }
  }

  return {
    async make() {
      remove(copy)
      // SQLite would make the file readable for others; into an empty one that is there it writes as well.
      closeSync(openSync(copy, 'wx', 0o600))
      const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
      try {
        return await copyTo(db)
      } catch (error) {
        remove(copy)
        if (verdictOf(errcodeOf(error)) === 'full') return { kind: 'full' }
        throw error
      } finally {
        db.close()
      }
    },
    stop() {
      isStopped = true
    },
  }
}

function remove(copy: string): void {
  for (const path of [copy, `${copy}-journal`]) rmSync(path, { force: true })
}
