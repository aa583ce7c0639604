// The present daemon on the database of an older and of a newer release.

import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { latestVersion, readMigrations } from '../../src/daemon/sqlite/migration.ts'
import { openDatabase } from '../../src/daemon/sqlite/opening.ts'
import { VERSION } from '../../src/protocol/version.ts'
import type { ReceiptDocument, StatusDocument } from '../../src/protocol/wire.ts'
import { call, get, read } from '../caller.ts'
import { run } from '../cli/command-line.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { passTime, startForeman, temporaryFolder, until } from '../harness.ts'
import { inState, list, post, view } from '../http/jobs/submission.ts'
import { TestClock } from '../test-clock.ts'
import { startWebhookSink } from '../webhook-sink.ts'
import { BODY, COMPLETION, IDS, KEY, RESPONSE, writeDatabase } from './database-of-0.1.0.ts'

const latest = latestVersion(readMigrations())

describe('a database of 0.1.0', () => {
  it('keeps its jobs, artifacts, keys, webhooks and pause, and its jobs run', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink()
    const db = join(await temporaryFolder(), 'foreman.db')
    const clock = new TestClock()
    writeDatabase(db, `${sink.url}/hook`, clock.now())
    const { url } = await startForeman(fake, { db, clock, config: { keepAlive: null } })

    const { jobs } = await list(url)
    expect(jobs.map(({ job_id, state, label }) => [job_id, state, label])).toEqual([
      [IDS.waiting, 'queued', 'nightly'],
      [IDS.blockedRunning, 'cancelled', null],
      [IDS.running, 'queued', 'nightly'],
      [IDS.blocked, 'done', null],
      [IDS.failed, 'failed', 'nightly'],
      [IDS.done, 'done', 'nightly'],
    ])
    const done = await view(url, IDS.done)
    expect(done).toMatchObject({ result: JSON.parse(RESPONSE), usage: { prompt_tokens: 7, completion_tokens: 2 } })
    expect((await get(url, `/jobs/${IDS.done}/artifacts/completion`)).body).toBe(COMPLETION)
    expect((await get(url, `/jobs/${IDS.done}/artifacts/response`)).body).toBe(RESPONSE)
    expect(await view(url, IDS.failed)).toMatchObject({ error: { code: 'stalled' } })
    const events = (await get(url, `/jobs/${IDS.done}/events`)).body
    expect(events).toContain('"state":"done"')

    const again = await post(url, BODY, { 'Idempotency-Key': KEY })
    expect(again).toMatchObject({ status: 202, headers: { 'idempotent-replayed': 'true' } })
    expect((JSON.parse(again.body) as ReceiptDocument).job_id).toBe(IDS.waiting)

    const status = await read<StatusDocument>(url, '/status')
    expect(status).toMatchObject({ pause: { paused: true }, queue: { waiting: 2 } })
    await call(url, { path: '/resume' })
    // The job that ran goes back with a backoff.
    await passTime({ clock, url }, fake, 10_000)
    for (const id of [IDS.running, IDS.waiting]) await inState(url, id, 'done')
    expect(fake.workers.map(({ body }) => body.toString())).toEqual([BODY, BODY])
    await until('the webhooks of 0.1.0 and of today came', () => sink.seen.length >= 3)
    const told = sink.seen.map(({ payload }) => [payload.job_id, payload.state])
    expect(told).toEqual(
      expect.arrayContaining([
        [IDS.done, 'done'],
        [IDS.waiting, 'queued'],
        [IDS.waiting, 'done'],
      ]),
    )
    expect(statSync(`${db}.before-${latest}`).mode & 0o777).toBe(0o600)
  })
})

describe('a database of a newer foreman', () => {
  it('is refused with both versions and the copy to restore, and is unchanged', async () => {
    const folder = await temporaryFolder()
    const db = join(folder, 'foreman.db')
    const newer = latest + 1
    openDatabase(db).close()
    // The newer foreman made a copy first.
    openDatabase(db, [...readMigrations(), { version: newer, sql: 'ALTER TABLE jobs ADD COLUMN colour TEXT' }]).close()
    expect(existsSync(`${db}.before-${newer}`)).toBe(true)
    const env = { FOREMAN_OLLAMA_URL: 'http://127.0.0.1:9', FOREMAN_DB: db, FOREMAN_ADDR: '127.0.0.1:0' }
    const { code, stdout } = await run(['serve'], { env })
    expect(code).toBe(70)
    expect(stdout).toContain(`was made by a newer foreman (schema ${newer}; foreman ${VERSION} knows ${latest})`)
    expect(stdout).toContain(`or restore ${db}.before-${newer}`)
    const left = new DatabaseSync(db, { readOnly: true })
    expect(left.prepare('PRAGMA user_version').get()).toEqual({ user_version: newer })
    left.close()
  })

  it('without a copy is refused with a way to start without it', async () => {
    const db = join(await temporaryFolder(), 'foreman.db')
    openDatabase(db, [...readMigrations(), { version: latest + 1, sql: 'SELECT 1' }]).close()
    expect(() => openDatabase(db)).toThrow('start that version again, or set FOREMAN_DB to another file')
  })
})
