// Opening a store: the files it creates, and the paths it refuses, with their messages.

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { APPLICATION_ID, latestVersion, readMigrations } from '../../src/daemon/sqlite/migration.ts'
import { openDatabase, pragma } from '../../src/daemon/sqlite/opening.ts'
import { type OpenFailure, StoreOpenError } from '../../src/daemon/sqlite/store.ts'
import { openStore } from '../../src/daemon/sqlite/thread.ts'
import { put, temporaryFolder, temporaryStore } from './temporary-store.ts'

const databasePath = async (): Promise<string> => join(await temporaryFolder(), 'foreman.db')

/** Opens a path that must be refused. */
async function refusalOf(path: string): Promise<{ reason: OpenFailure; message: string }> {
  const error = await openStore({ path, onFatal: () => {} }).then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof StoreOpenError)) throw new Error(`not refused: ${String(error)}`)
  expect(error.message).toContain(path)
  return { reason: error.reason, message: error.message }
}

/** A database made by `sql`, closed again. */
function databaseOf(path: string, sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

describe('a new database', () => {
  it('can be read by its owner only, with its log and lock files', async () => {
    const path = await databasePath()
    const store = await temporaryStore({ path })
    await put(store)
    for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}.lock`]) {
      expect([file, (statSync(file).mode & 0o777).toString(8)]).toEqual([file, '600'])
    }
  })

  it("syncs each commit, enforces foreign keys and has foreman's application id", async () => {
    const { db, close } = openDatabase(await databasePath())
    expect(db.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' })
    expect(pragma(db, 'synchronous')).toBe(2)
    expect(pragma(db, 'foreign_keys')).toBe(1)
    expect(db.prepare('PRAGMA trusted_schema').get()).toMatchObject({ trusted_schema: 0 })
    expect(db.prepare('PRAGMA journal_size_limit').get()).toMatchObject({ journal_size_limit: 67108864 })
    expect(pragma(db, 'application_id')).toBe(APPLICATION_ID)
    expect(pragma(db, 'user_version')).toBe(latestVersion(readMigrations()))
    close()
  })

  it('may replace an empty file', async () => {
    const path = await databasePath()
    writeFileSync(path, '')
    expect((await put(await temporaryStore({ path }))).sequence).toBe(1)
  })
})

describe('an existing database', () => {
  it('keeps its contents', async () => {
    const path = await databasePath()
    const first = await temporaryStore({ path })
    const job = await put(first, { caller: 'none', bytes: 5 })
    await first.close()
    const second = await temporaryStore({ path })
    expect(await second.get(job.id)).toEqual(job)
    expect(second.depth).toEqual({ jobs: 1, bytes: 5 })
  })

  it('becomes unreadable for others, whatever its mode was', async () => {
    const path = await databasePath()
    await (await temporaryStore({ path })).close()
    chmodSync(path, 0o644)
    await temporaryStore({ path })
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('has an empty write-ahead log after it is closed', async () => {
    const path = await databasePath()
    const store = await temporaryStore({ path })
    await put(store)
    await store.close()
    expect(existsSync(`${path}-wal`)).toBe(false)
  })

  it('can be read by another program while the daemon runs', async () => {
    const path = await databasePath()
    const store = await temporaryStore({ path })
    const { id } = await put(store)
    const reader = new DatabaseSync(path, { readOnly: true })
    expect(reader.prepare('SELECT id FROM jobs').all()).toEqual([{ id }])
    const next = await put(store)
    expect(reader.prepare('SELECT id FROM jobs ORDER BY sequence').all()).toEqual([{ id }, { id: next.id }])
    reader.close()
  })
})

describe('a second daemon on an open database', () => {
  it('is refused while the first one runs, and starts afterwards', async () => {
    const path = await databasePath()
    const first = await temporaryStore({ path })
    expect(await refusalOf(path)).toMatchObject({
      reason: 'in_use',
      message: expect.stringContaining('another foreman'),
    })
    await first.close()
    await temporaryStore({ path })
  })

  it('is refused with another name of the same file', async () => {
    const path = await databasePath()
    await temporaryStore({ path })
    const link = join(await temporaryFolder(), 'link.db')
    symlinkSync(path, link)
    const error = await openStore({ path: link, onFatal: () => {} }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ reason: 'in_use' })
  })
})

describe('a rejected path stays unchanged', () => {
  it.each<[string, OpenFailure, string, (path: string) => void]>([
    [
      'made by a newer foreman',
      'newer',
      'newer foreman',
      (path) =>
        databaseOf(
          path,
          `CREATE TABLE jobs (id); PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 9999`,
        ),
    ],
    [
      'of another program',
      'foreign',
      'another program',
      (path) => databaseOf(path, 'CREATE TABLE photos (id); PRAGMA application_id = 7'),
    ],
    [
      'of a program that gives no name',
      'foreign',
      'another program',
      (path) => databaseOf(path, 'CREATE TABLE photos (id)'),
    ],
    [
      'that is no database',
      'corrupt',
      'not a database',
      (path) => writeFileSync(path, 'a letter, and not a short one. '.repeat(100)),
    ],
    ['that is damaged', 'corrupt', 'damaged', makeDamaged],
  ])('if it is %s', async (_, reason, sentence, make) => {
    const path = await databasePath()
    make(path)
    const before = readFileSync(path)
    expect(await refusalOf(path)).toMatchObject({ reason, message: expect.stringContaining(sentence) })
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('in a missing directory', async () => {
    const path = join(await temporaryFolder(), 'nowhere', 'foreman.db')
    expect(await refusalOf(path)).toMatchObject({
      reason: 'unusable',
      message: expect.stringContaining('is missing; make it'),
    })
  })

  it('whose parent is a file', async () => {
    const parent = await databasePath()
    writeFileSync(parent, 'x')
    expect(await refusalOf(join(parent, 'foreman.db'))).toMatchObject({ reason: 'unusable' })
  })

  it('that is a directory', async () => {
    const path = await databasePath()
    mkdirSync(path)
    expect(await refusalOf(path)).toMatchObject({
      reason: 'unusable',
      message: expect.stringContaining('is a directory'),
    })
  })

  // Nothing is unreadable for root.
  it.runIf(process.getuid?.() !== 0)('that cannot be read', async () => {
    const path = await databasePath()
    writeFileSync(path, '')
    chmodSync(path, 0)
    expect(await refusalOf(path)).toMatchObject({ reason: 'unusable', message: expect.stringContaining('permissions') })
  })

  it('and unlocked, so that it can be repaired at once', async () => {
    const path = await databasePath()
    writeFileSync(path, 'a letter, and not a short one. '.repeat(100))
    await refusalOf(path)
    writeFileSync(path, '')
    await temporaryStore({ path })
  })
})

/** A good database, then an index page of it overwritten. */
function makeDamaged(path: string): void {
  const { db, close } = openDatabase(path)
  const page = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'finished'").get()?.['rootpage']
  close()
  const bytes = readFileSync(path)
  bytes.fill(0xee, (Number(page) - 1) * 4096, Number(page) * 4096)
  writeFileSync(path, bytes)
}
