// Opening of a database file: its lock, the check of what it is, its pragmas and its schema. Every failure is a StoreOpenError
// that says what to do. The file is never deleted, replaced or repaired.

import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { VERSION } from '../../protocol/version.ts'
import { errcodeOf } from './failure.ts'
import { type FileWatch, watchFiles } from './file-watch.ts'
import { lockInode } from './inode-lock.ts'
import {
  APPLICATION_ID,
  copyBefore,
  copyPath,
  latestVersion,
  type Migration,
  migrate,
  readMigrations,
} from './migration.ts'
import { StoreOpenError } from './store.ts'

export interface OpenDatabase {
  readonly db: DatabaseSync
  readonly watch: FileWatch
  /** The path of the file itself, even if the given path is a symlink. */
  readonly path: string
  /** Closes the database, then releases the lock. */
  close(): void
}

/** Opens the database for this process only, by whatever path it is reached. */
export async function openExclusively(given: string): Promise<OpenDatabase> {
  const path = locate(given)
  try {
    createPrivately(path)
  } catch (error) {
    throw explained(error, path)
  }
  const lock = await lockInode(path)
  if (lock === null) throw inUse(path)
  try {
    const database = openDatabase(given)
    return {
      ...database,
      close() {
        database.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

export function openDatabase(given: string, migrations: readonly Migration[] = readMigrations()): OpenDatabase {
  const path = locate(given)
  const lock = takeLock(path)
  let db: DatabaseSync | null = null
  try {
    createPrivately(path)
    refuseLinked(path)
    db = new DatabaseSync(path, { timeout: 5000 })
    const version = recognise(db, path, latestVersion(migrations))
    chmodSync(path, 0o600)
    setPragmas(db)
    if (version > 0 && version < latestVersion(migrations)) copyBefore(db, path, latestVersion(migrations))
    migrate(db, version, migrations)
    const opened = db
    return {
      db,
      path,
      watch: watchFiles(given, path),
      close: () => {
        opened.close()
        lock.close()
      },
    }
  } catch (error) {
    if (db?.isOpen) db.close()
    lock.close()
    throw explained(error, path)
  }
}

/** Returns the real path of the file, so that daemons which use different symlinks meet at the same lock. */
function locate(given: string): string {
  const path = resolve(given)
  const parent = statOf(dirname(path))
  if (parent === null || !parent.isDirectory()) {
    throw new StoreOpenError(
      'unusable',
      `${path} cannot be made: the directory ${dirname(path)} is missing; make it, or set FOREMAN_DB`,
    )
  }
  const file = statOf(path)
  if (file?.isDirectory() === true) {
    throw new StoreOpenError('unusable', `${path} is a directory; FOREMAN_DB names a file`)
  }
  if (file?.isFile() === false) {
    throw new StoreOpenError('unusable', `${path} is not a regular file; set FOREMAN_DB to a regular file on a disk`)
  }
  if (file !== null) return realpathSync(path)
  const link = linkAt(path)
  return link === null ? join(realpathSync(dirname(path)), basename(path)) : locate(link)
}

/** Returns the target of a symlink whose file is missing. For a circle of symlinks, `statOf` throws. */
function linkAt(path: string): string | null {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
  return isLink ? resolve(dirname(path), readlinkSync(path)) : null
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null
    const reason = error instanceof Error ? error.message : String(error)
    throw new StoreOpenError(
      'unusable',
      `${path} cannot be looked at (${reason}); check its permissions, or set FOREMAN_DB`,
    )
  }
}

/**
 * Creates an empty file that only its owner can read, if it is missing. SQLite gives -wal and -shm the same mode. An existing
 * file is never opened here, because closing it would drop the locks that SQLite holds on it (howtocorrupt.html, 2.2).
 */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

/** Refuses hard links. SQLite names its log after the path: by another one the log of a crash is missing and the file damaged. */
function refuseLinked(path: string): void {
  const { nlink } = statSync(path)
  if (nlink === 1) return
  const cure = 'remove the other names, or copy the file and set FOREMAN_DB to the copy'
  throw new StoreOpenError('unusable', `${path} has ${nlink} names (hard links), and a database must have one; ${cure}`)
}

const inUse = (path: string): StoreOpenError =>
  new StoreOpenError(
    'in_use',
    `${path} is in use by another foreman; stop that one first, or give this one a FOREMAN_DB of its own`,
  )

/** Takes a separate lock file, so that other tools can read the database while the daemon runs. */
function takeLock(path: string): DatabaseSync {
  let lock: DatabaseSync | null = null
  try {
    createPrivately(`${path}.lock`)
    lock = new DatabaseSync(`${path}.lock`, { timeout: 0 })
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock?.close()
    if (primaryOf(error) === 5) throw inUse(path)
    throw explained(error, `${path}.lock`)
  }
}

/** Returns the schema version of a foreman database, 0 for an empty one. Refuses any other before a byte is written. */
function recognise(db: DatabaseSync, path: string, latest: number): number {
  const version = pragma(db, 'user_version')
  const application = pragma(db, 'application_id')
  const objects = db.prepare('SELECT count(*) AS objects FROM sqlite_schema').get()?.['objects']
  if (application === 0 && version === 0 && objects === 0) return 0
  if (application !== APPLICATION_ID) {
    throw new StoreOpenError(
      'foreign',
      `${path} is a database of another program; set FOREMAN_DB to a file of foreman's own`,
    )
  }
  if (version > latest) throw newer(path, version, latest)
  const check = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  if (check !== 'ok') throw damaged(path, String(check))
  return version
}

function newer(path: string, version: number, latest: number): StoreOpenError {
  // Before the first migration that this version lacks, the newer version made a copy.
  const numbers = Array.from({ length: Math.min(version - latest, 100) }, (_, at) => latest + 1 + at)
  const copy = numbers.map((number) => copyPath(path, number)).find((name) => existsSync(name))
  const back = copy === undefined ? 'set FOREMAN_DB to another file' : `restore ${copy}, made before the upgrade`
  return new StoreOpenError(
    'newer',
    `${path} was made by a newer foreman (schema ${version}; foreman ${VERSION} knows ${latest}); ` +
      `start that version again, or ${back} (docs/upgrade.md)`,
  )
}

const damaged = (path: string, detail: string): StoreOpenError =>
  new StoreOpenError(
    'corrupt',
    `${path} is damaged or not a database (${detail}); it was left as it is: restore a backup, ` +
      'or move it away together with its -wal file and start with an empty queue',
  )

function setPragmas(db: DatabaseSync): void {
  db.exec(`
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA synchronous = FULL;
    -- Has an effect on macOS only, whose fsync leaves the data in the drive's cache.
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    -- A checkpoint inside a COMMIT would make a waiting caller wait for its fsyncs. checkpoint.ts runs them between batches.
    PRAGMA wal_autocheckpoint = 0;
  `)
  const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal')
    throw new Error(`this file system does not support SQLite's write-ahead log (journal mode ${mode})`)
  if (pragma(db, 'synchronous') !== 2) throw new Error('SQLite did not accept synchronous = FULL')
  if (pragma(db, 'foreign_keys') !== 1) throw new Error('SQLite did not accept foreign_keys = ON')
}

export function pragma(
  db: DatabaseSync,
  name: 'user_version' | 'application_id' | 'synchronous' | 'foreign_keys',
): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name])
}

const primaryOf = (error: unknown): number => (errcodeOf(error) ?? 0) & 0xff

function explained(error: unknown, path: string): StoreOpenError {
  if (error instanceof StoreOpenError) return error
  const reason = error instanceof Error ? error.message : String(error)
  // CORRUPT, NOTADB.
  if ([11, 26].includes(primaryOf(error))) return damaged(path, reason)
  const cure = 'check its permissions and the free space of its disk, or set FOREMAN_DB to another file'
  return new StoreOpenError('unusable', `${path} cannot be used (${reason}); ${cure}`)
}
