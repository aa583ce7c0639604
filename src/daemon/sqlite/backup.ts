// Consistent copies of the open database, made while the store goes on writing. They use a read-only connection of their own.

import { closeSync, openSync, rmSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { errcodeOf, verdictOf } from './failure.ts'
import type { BackupResult } from './store.ts'

/** 4 MiB. Each step runs in Node's thread pool; between steps the store's thread answers operations. */
const PAGES_A_STEP = 1000

export interface Backups {
  /** Makes one backup at a time. Throws if the database cannot be read. */
  make(): Promise<BackupResult>
  /** Stops a running backup at its next step. */
  stop(): void
}

/** Deletes the partial backup of a killed process. `path` is that of the database. */
export function createBackups(path: string): Backups {
  const copy = `${path}.backup.part`
  let isStopped = false
  remove(copy)

  async function copyTo(db: DatabaseSync): Promise<BackupResult> {
    // The read transaction fixes the moment of the backup. Without it, a backup restarts at each commit of the store.
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
      // SQLite would make the file readable for others. It also writes into an empty file that exists.
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
