// Migrations of the schema: the golden file, the copy made first, and all or nothing.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { NOTHING_RESIDENT } from '../../src/daemon/domain/affinity.ts'
import { copyBefore, latestVersion, type Migration, readMigrations } from '../../src/daemon/sqlite/migration.ts'
import { openDatabase, pragma } from '../../src/daemon/sqlite/opening.ts'
import { StoreOpenError } from '../../src/daemon/sqlite/store.ts'
import { put, take, temporaryFolder, temporaryStore } from './temporary-store.ts'

const released = readMigrations()
const next = latestVersion(released) + 1
const databasePath = async (): Promise<string> => join(await temporaryFolder(), 'foreman.db')

/** The migrations of a foreman with one migration more. */
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

it('the migrations make the schema of schema.sql (update it with vitest -u)', async () => {
  const { db, close } = openDatabase(await databasePath())
  const schema = schemaOf(db)
  close()
  await expect(
    `-- Golden: what the migrations make. Written by test/sqlite/migration.test.ts.\n\n${schema}`,
  ).toMatchFileSnapshot('../../src/daemon/sqlite/schema.sql')
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

it('a job from before migrations 0003 and 0008 has no cached tokens and no speed', async () => {
  const path = await databasePath()
  const old = openDatabase(path, released.slice(0, 2))
  old.db.exec(`INSERT INTO jobs (state, id, caller, endpoint, model, normalised_model, affinity, stream, load_only,
    body_bytes, fifo_swap, created_at, created_awake, prompt_tokens)
    VALUES ('queued', 'old', 'none', '/api/chat', 'm', 'm:latest', 'm:latest', 1, 0, 2, 0, 1, 1, 33)`)
  old.close()
  const { db, close } = openDatabase(path)
  expect(db.prepare('SELECT prompt_tokens, cached_tokens, eval_ms FROM jobs').all()).toEqual([
    { prompt_tokens: 33, cached_tokens: null, eval_ms: null },
  ])
  close()
})

it('a new database is not copied', async () => {
  const path = await databasePath()
  openDatabase(path).close()
  expect(existsSync(`${path}.before-${latestVersion(released)}`)).toBe(false)
})

it('a failed migration leaves the database unchanged', async () => {
  const path = await databasePath()
  openDatabase(path).close()
  const bad = withOneMore('ALTER TABLE jobs ADD COLUMN colour TEXT; INSERT INTO nowhere VALUES (1)')
  expect(() => openDatabase(path, bad)).toThrow(StoreOpenError)
  const { db, close } = openDatabase(path)
  expect(pragma(db, 'user_version')).toBe(next - 1)
  expect(schemaOf(db)).not.toContain('colour')
  close()
})

it('a copy replaces the one of an earlier try', async () => {
  const path = await databasePath()
  const { db, close } = openDatabase(path)
  copyBefore(db, path, 7)
  db.exec('UPDATE queue_state SET paused = 1')
  const copied = new DatabaseSync(copyBefore(db, path, 7), { readOnly: true })
  expect(copied.prepare('SELECT paused FROM queue_state').get()).toEqual({ paused: 1 })
  copied.close()
  close()
})

/** A database as 0001 left it: a waiting call, an async job that waits, one that is done, and one of each with an answer. */
function firstDatabase(path: string, answers: Readonly<Record<string, Buffer>>): void {
  const { db, close } = openDatabase(path, released.slice(0, 1))
  const insert = db.prepare(`INSERT INTO jobs (id, state, caller, endpoint, model, normalised_model, affinity, stream,
      load_only, body_bytes, fifo_swap, attempt, created_at, created_awake, started_at, claimed_at, working_at, finished_at)
    VALUES ($id, $state, $caller, '/api/chat', 'x', 'x:latest', 'x:latest', 1, 0, 2, 0, $attempt, 10, 0, $claimed, $claimed,
      $working, $finished)`)
  const job = (id: string, state: string, caller: string, [claimed, working, finished]: (number | null)[]): void => {
    const times = { claimed: claimed ?? null, working: working ?? null, finished: finished ?? null }
    insert.run({ id, state, caller, attempt: times.claimed === null ? 0 : 1, ...times })
  }
  job('waits', 'queued', 'none', [])
  job('back', 'queued', 'none', [20, 30])
  job('live', 'done', 'live', [20, 30, 40])
  for (const id of Object.keys(answers)) job(id, 'done', 'none', [20, 30, 40])
  db.exec("INSERT INTO bodies SELECT sequence, x'7b7d' FROM jobs")
  const answer = db.prepare('INSERT INTO answers SELECT sequence, 200, $contentType, $body FROM jobs WHERE id = $id')
  for (const [id, body] of Object.entries(answers)) answer.run({ id, body, contentType: id === 'none' ? null : 'a/b' })
  close()
}

it('a database from before async jobs keeps its answers as artifacts, and its jobs have a history', async () => {
  const path = await databasePath()
  const patterned = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, at) => (at * 31) % 251))
  const answers = { none: patterned(0), small: patterned(10), edge: patterned(262144), large: patterned(600_000) }
  firstDatabase(path, answers)
  const store = await temporaryStore({ path })
  for (const [id, body] of Object.entries(answers)) {
    const kept = await store.artifact(id, 'response', 0, body.length + 1)
    expect(Buffer.compare(kept ?? Buffer.from('no'), body)).toBe(0)
    expect((await store.detail(id, NOTHING_RESIDENT))?.artifacts).toMatchObject([
      {
        ...{ name: 'response', contentType: id === 'none' ? 'application/octet-stream' : 'a/b', bytes: body.length },
        etag: createHash('sha256').update(body).digest('hex'),
      },
    ])
  }
  const history = async (id: string) =>
    (await store.changes(id))?.map(({ number, state, previous, at }) => [number, state, previous, at])
  expect(await history('waits')).toEqual([[1, 'queued', null, 10]])
  expect(await history('back')).toEqual([
    [1, 'queued', null, 10],
    [4, 'queued', 'working', 30],
  ])
  expect(await history('large')).toEqual([
    [1, 'queued', null, 10],
    [4, 'done', 'working', 40],
  ])
  expect(await history('live')).toEqual([
    [1, 'queued', null, 10],
    [2, 'loading', 'queued', 20],
    [3, 'working', 'loading', 30],
    [4, 'done', 'working', 40],
  ])
  expect((await take(store)).job).toMatchObject({ id: 'waits', changes: 2 })
  expect((await store.changes('waits'))?.length).toBe(2)
  await store.close()
  const check = new DatabaseSync(path)
  expect(check.prepare('PRAGMA foreign_key_check').all()).toEqual([])
  expect(check.prepare("SELECT name FROM sqlite_schema WHERE name = 'answers'").all()).toEqual([])
  check.close()
})
