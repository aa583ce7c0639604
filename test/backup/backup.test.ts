// Backups of a running daemon: the contents of the copy, and the files left after a kill.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { JobListDocument, StatusDocument } from '../../src/protocol/wire.ts'
import { Caller, call, read } from '../caller.ts'
import { Command } from '../cli/command-line.ts'
import { runHere } from '../cli/here.ts'
import { startChild } from '../crash/start-child.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { configFor, type Running, startForeman, temporaryFolder } from '../harness.ts'

const TEXT = 'x'.repeat(200_000)

async function submit(url: string, text = 'hi'): Promise<string> {
  const body = { endpoint: '/api/chat', model: 'tiny-a', messages: [{ role: 'user', content: text }] }
  const answer = await call(url, { path: '/jobs', body })
  expect(answer.status).toBe(202)
  return (JSON.parse(answer.body) as { job_id: string }).job_id
}

async function submitMany(url: string, count: number, text?: string): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, () => submit(url, text)))
}

/** Starts a paused foreman: submitted jobs wait. */
async function pausedForeman(fake: FakeOllama, db?: string): Promise<Running> {
  const foreman = await startForeman(fake, db === undefined ? {} : { db })
  await call(foreman.url, { path: '/pause' })
  return foreman
}

function jobsIn(path: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    expect(db.prepare('PRAGMA integrity_check').get()?.['integrity_check']).toBe('ok')
    return db
      .prepare('SELECT id FROM jobs')
      .all()
      .map(({ id }) => String(id))
  } finally {
    db.close()
  }
}

describe('foreman backup', () => {
  it('copies every acknowledged job during submissions, and a daemon starts on the copy', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await pausedForeman(fake)
    const file = join(await temporaryFolder(), 'copy.db')
    const before = await submitMany(foreman.url, 40, TEXT)
    let isOver = false
    const load = (async () => {
      const ids: string[] = []
      while (!isOver) ids.push(...(await submitMany(foreman.url, 4)))
      return ids
    })()
    const result = await runHere(['backup', file, '--url', foreman.url])
    isOver = true
    const during = await load
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const copied = jobsIn(file)
    expect(copied).toEqual(expect.arrayContaining(before))
    expect([...before, ...during]).toEqual(expect.arrayContaining(copied))
    const restored = await startForeman(fake, { db: file })
    const status = await read<StatusDocument>(restored.url, '/status')
    expect(status.pause.paused).toBe(true)
    expect(status.queue.waiting).toBe(copied.length)
  })

  it('keeps an existing file without --force', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await pausedForeman(fake)
    const file = join(await temporaryFolder(), 'copy.db')
    writeFileSync(file, 'precious')
    const refused = await runHere(['backup', file, '--url', url])
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('copy.db exists: choose another name') })
    expect(readFileSync(file, 'utf8')).toBe('precious')
    expect(await runHere(['backup', '--force', file, '--url', url, '--json'])).toMatchObject({ code: 0 })
    expect(jobsIn(file)).toEqual([])
  })

  it('leaves no file if the copy fails', async () => {
    const server = createServer((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'application/vnd.sqlite3', 'Content-Length': 1000 })
      res.write('SQLite format 3', () => res.destroy())
    })
    const { url, folder, file } = await listening(server)
    const { code, stderr } = await runHere(['backup', file, '--url', url])
    expect(code).toBe(5)
    expect(stderr).toContain(`no answer from ${url}`)
    expect(readdirSync(folder)).toEqual([])
  })

  it('leaves no file after Ctrl-C', async () => {
    const server = createServer((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'application/vnd.sqlite3', 'Content-Length': 1000 })
      res.write('SQLite format 3')
    })
    const asked = new Promise((resolve) => server.once('request', resolve))
    const { url, folder, file } = await listening(server)
    const command = new Command(['backup', file, '--url', url])
    await asked
    command.process.kill('SIGINT')
    expect(await command.ended).toMatchObject({ code: 130, stderr: 'foreman: no backup was written\n' })
    expect(readdirSync(folder)).toEqual([])
  })

  it('rejects an answer that is not a foreman database', async () => {
    const server = createServer((_req, res) => void res.end('<html>'))
    const { url, folder, file } = await listening(server)
    const { code, stderr } = await runHere(['backup', file, '--url', url])
    expect(code).toBe(1)
    expect(stderr).toContain('it is not foreman')
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('POST /backup', () => {
  it('sends one copy at a time and leaves none beside the database', async () => {
    await using fake = await FakeOllama.start()
    const { url, config } = await pausedForeman(fake)
    await submitMany(url, 4)
    const copies = await Promise.all([1, 2, 3].map(() => fetch(`${url}/backup`, { method: 'POST' })))
    for (const copy of copies) {
      expect(copy.headers.get('content-type')).toBe('application/vnd.sqlite3')
      const bytes = new Uint8Array(await copy.arrayBuffer())
      expect(String(bytes.byteLength)).toBe(copy.headers.get('content-length'))
    }
    expect(existsSync(`${config.db}.backup.part`)).toBe(false)
  })

  it('is refused if the copy would leave less than FOREMAN_MIN_FREE', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { minFree: 2 ** 52 } })
    const answer = await call(url, { path: '/backup' })
    expect(answer).toMatchObject({ status: 503, headers: { 'x-foreman-error': 'storage_full' } })
  })

  it('loses no job and leaves no copy if the daemon is killed during it', async () => {
    await using fake = await FakeOllama.start()
    const db = join(await temporaryFolder(), 'foreman.db')
    // The file that a daemon leaves if it is killed before it has unlinked its copy.
    writeFileSync(`${db}.backup.part`, 'half a copy')
    const config = configFor(fake.url, db)
    const child = await startChild(config)
    expect(existsSync(`${db}.backup.part`)).toBe(false)
    await call(child.url, { path: '/pause' })
    const ids = await submitMany(child.url, 60, TEXT)
    const backup = new Caller(child.url, { path: '/backup' })
    await backup.head()
    await backup.stopReading()
    child.process.kill('SIGKILL')
    await child.exited
    await backup.resume()
    expect(await backup.answer()).toMatchObject({ cut: true })
    const again = await startForeman(fake, { db })
    const { jobs } = await read<JobListDocument>(again.url, '/jobs?limit=200')
    expect(jobs.map(({ job_id }) => job_id).sort()).toEqual(ids.sort())
    expect(existsSync(`${db}.backup.part`)).toBe(false)
  })
})

async function listening(
  server: ReturnType<typeof createServer>,
): Promise<{ url: string; folder: string; file: string }> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  })
  const folder = await temporaryFolder()
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, folder, file: join(folder, 'copy.db') }
}
