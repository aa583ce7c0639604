// How the schema comes about and how it is changed: the golden file, the copy before, all or nothing.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { copyBefore, latestVersion, type Migration, readMigrations } from '../../src/daemon/store/migration.ts'
import { openDatabase, pragma } from '../../src/daemon/store/opening.ts'
import { StoreOpenError } from '../../src/daemon/store/store.ts'
import { put, temporaryFolder, temporaryStore } from './temporary-store.ts'

const released = readMigrations()
const next = latestVersion(released) + 1
const databasePath = async (): Promise<string> => join(await temporaryFolder(), 'foreman.db')

/** What this foreman would bring if it had one migration more. */
const withOneMore = (sql: string): Migration[] => [...released, { version: next, sql }]

function schemaOf(db: DatabaseSync): string {
  const rows = db
    .prepare(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name",
    )
    .all()
  return rows.map((row) => `${String(row['sql'])};\n`).join('\n')
}

it('the migrations are numbered without a gap', () => {
  expect(released.map(({ version }) => version)).toEqual(released.map((_, at) => at + 1))
})

it('the migrations make the schema that schema.sql shows (vitest -u writes it anew)', async () => {
  const { db, close } = openDatabase(await databasePath())
  const schema = schemaOf(db)
  close()
  await expect(
    `-- Golden: what the migrations make. Written by test/store/migration.test.ts.\n\n${schema}`,
  ).toMatchFileSnapshot('../../src/daemon/store/schema.sql')
})

it('every table is STRICT', async () => {
  const { db, close } = openDatabase(await databasePath())
  const tables = db
    .prepare("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'")
    .all()
  close()
  expect(tables.length).toBeGreaterThan(3)
  expect(tables.filter(({ strict }) => strict !== 1)).toEqual([])
})

it('an older database is copied before it is migrated, and keeps its rows', async () => {
  const path = await databasePath()
  const store = await temporaryStore({ path })
  const { id } = await put(store, { caller: 'none' })
  await store.close()
  const { db, close } = openDatabase(path, withOneMore('ALTER TABLE jobs ADD COLUMN colour TEXT'))
  expect(db.prepare('SELECT id, colour FROM jobs').all()).toEqual([{ id, colour: null }])
  expect(pragma(db, 'user_version')).toBe(next)
  close()
  const copy = new DatabaseSync(`${path}.before-${next}`, { readOnly: true })
  expect(copy.prepare('SELECT id FROM jobs').all()).toEqual([{ id }])
  expect(pragma(copy, 'user_version')).toBe(next - 1)
  copy.close()
})

it('a new database is not copied', async () => {
  const path = await databasePath()
  openDatabase(path).close()
  expect(existsSync(`${path}.before-${latestVersion(released)}`)).toBe(false)
})

it('a migration that fails leaves the database as it was', async () => {
  const path = await databasePath()
  openDatabase(path).close()
  const bad = withOneMore('ALTER TABLE jobs ADD COLUMN colour TEXT; INSERT INTO nowhere VALUES (1)')
  expect(() => openDatabase(path, bad)).toThrow(StoreOpenError)
  const { db, close } = openDatabase(path)
  expect(pragma(db, 'user_version')).toBe(next - 1)
  expect(schemaOf(db)).not.toContain('colour')
  close()
})

it('a copy replaces the one that an earlier try left', async () => {
  const path = await databasePath()
  const { db, close } = openDatabase(path)
  copyBefore(db, path, 7)
  db.exec('UPDATE queue_state SET paused = 1')
  const copied = new DatabaseSync(copyBefore(db, path, 7), { readOnly: true })
  expect(copied.prepare('SELECT paused FROM queue_state').get()).toEqual({ paused: 1 })
  copied.close()
  close()
})
