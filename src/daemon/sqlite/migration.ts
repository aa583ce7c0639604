// Migrations: runs the numbered files of migrations/ in order, each in one transaction with its version number. A released
// file is never edited, and a database that is newer than the files is never changed.

import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { sha256 } from './artifacts.ts'

export interface Migration {
  readonly version: number
  readonly sql: string
}

/** 'FORM': the application id of a foreman database. */
export const APPLICATION_ID = 0x46_4f_52_4d

const DIRECTORY = new URL('./migrations/', import.meta.url)

export function readMigrations(): Migration[] {
  return readdirSync(DIRECTORY)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort()
    .map((name) => ({ version: Number(name.slice(0, 4)), sql: readFileSync(new URL(name, DIRECTORY), 'utf8') }))
}

export const latestVersion = (migrations: readonly Migration[]): number => migrations.at(-1)?.version ?? 0

/** Runs the missing migrations. A failed one leaves the database as it was before that one. */
export function migrate(db: DatabaseSync, from: number, migrations: readonly Migration[]): void {
  // For 0002, which computes ETags for older answers.
  db.function('sha256', { deterministic: true, directOnly: true }, (body) =>
    body instanceof Uint8Array ? sha256(body) : null,
  )
  for (const { version, sql } of migrations.filter((migration) => migration.version > from)) {
    db.exec('BEGIN IMMEDIATE')
    try {
      db.exec(sql)
      // Both are in the header page, so they are part of the transaction. A PRAGMA takes no parameters.
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}`)
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
}

/** Returns the path of the copy that is made before the database at `path` is migrated to `version`. */
export const copyPath = (path: string, version: number): string => `${path}.before-${version}`

/** Copies the database, next to it, before it is migrated to `version`. The copy is complete or missing. */
export function copyBefore(db: DatabaseSync, path: string, version: number): string {
  const copy = copyPath(path, version)
  const part = `${copy}.part`
  rmSync(part, { force: true })
  // SQLite would make the file readable for others. It also writes into an empty file that exists.
  const file = openSync(part, 'wx', 0o600)
  try {
    db.prepare('VACUUM INTO ?').run(part)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(part, copy)
  return copy
}
