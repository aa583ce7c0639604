// Acknowledged jobs after a kill of the daemon, or after a write whose result is unknown.

import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { newest, temporaryFolder, temporaryStore } from './temporary-store.ts'

const SUBMITTER = fileURLToPath(new URL('./submitter.ts', import.meta.url))
const CRASH_CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url))
const CYCLES = 20

/** Lets a submitter run until `isEnough`, then kills it. Returns its output and its exit. */
async function runSubmitter(command: readonly string[], isEnough: (lines: readonly string[]) => boolean) {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (isEnough(lines)) child.kill('SIGKILL')
  })
  // Not 'exit': its last output may still be in the pipe.
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { lines, code }
}

const acknowledged = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith('enqueued ')).map((line) => line.slice('enqueued '.length))

it(`every acknowledged job is there after kill -9, ${CYCLES} times over`, { timeout: 180_000 }, async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  const promised: string[] = []
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    // A different moment each time: after the first acknowledgement up to some dozens.
    const enough = 1 + ((cycle * 7) % 40)
    const { lines } = await runSubmitter(
      [process.execPath, SUBMITTER, path],
      (all) => acknowledged(all).length >= enough,
    )
    expect(acknowledged(lines).length).toBeGreaterThanOrEqual(enough)
    promised.push(...acknowledged(lines))
  }
  const store = await temporaryStore({ path })
  const { jobs } = store.depth
  const stored = new Set((await newest(store, jobs)).map(({ id }) => id))
  expect(promised.filter((id) => !stored.has(id))).toEqual([])
  // At most what was on its way at each kill beside what was promised.
  expect(stored.size).toBeLessThanOrEqual(promised.length + CYCLES * 4)
})

it('no kill -9 separates a state from its history, webhook, artifacts or key', {
  timeout: 180_000,
}, async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  const said: string[] = []
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const enough = 2 + ((cycle * 13) % 60)
    const { lines } = await runSubmitter([process.execPath, CRASH_CHILD, path], (all) => all.length >= enough)
    expect(lines.filter((line) => line.startsWith('fatal'))).toEqual([])
    said.push(...lines)
  }
  // Opened once more, so that what the last kill left in the log is there.
  await (await temporaryStore({ path })).close()
  const db = new DatabaseSync(path, { readOnly: true })
  const ids = (sql: string): string[] =>
    db
      .prepare(sql)
      .all()
      .map((row) => String(row['id']))
  const of = (word: string): string[] =>
    said.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1))
  expect([of('enqueued').length, of('done').length, of('told').length].every((count) => count > 10)).toBe(true)
  const missing = (acknowledged: string[], there: string[]): string[] => {
    const known = new Set(there)
    return acknowledged.filter((one) => !known.has(one))
  }
  expect(
    missing(of('enqueued'), ids('SELECT id FROM jobs JOIN idempotency USING (sequence) JOIN bodies USING (sequence)')),
  ).toEqual([])
  expect(missing(of('done'), ids("SELECT id FROM jobs WHERE state = 'done'"))).toEqual([])
  const delivered = ids(
    `SELECT id || ' ' || n AS id FROM jobs JOIN deliveries USING (sequence) WHERE status = 'delivered'`,
  )
  expect(missing(of('told'), delivered)).toEqual([])
  const wrong = {
    'a state without its change': `SELECT id FROM jobs j WHERE NOT EXISTS (SELECT 1 FROM changes c
      WHERE c.sequence = j.sequence AND c.number = j.changes AND c.state = j.state)`,
    // A crash leaves a gap of one in the numbers, because a change may have been seen and not written.
    'a gap in a history': `SELECT j.id FROM jobs j JOIN changes c USING (sequence) WHERE c.previous IS NOT
      (SELECT state FROM changes b WHERE b.sequence = c.sequence AND b.number < c.number ORDER BY number DESC LIMIT 1)`,
    'a change without its webhook': `SELECT j.id FROM jobs j JOIN changes c USING (sequence)
      WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.sequence = c.sequence AND d.n = c.number)`,
    'done without artifacts': `SELECT id FROM jobs j WHERE state = 'done' AND
      (SELECT sum(length(body)) FROM artifacts a JOIN pieces p ON p.artifact = a.id WHERE a.sequence = j.sequence) IS NOT 300010`,
    'done without a result': `SELECT id FROM jobs WHERE state = 'done' AND sequence NOT IN (SELECT sequence FROM results)`,
    'artifacts without done': `SELECT jobs.id AS id FROM jobs JOIN artifacts USING (sequence) WHERE state <> 'done'`,
    'a later delivery before an earlier one': `SELECT j.id FROM jobs j JOIN deliveries d USING (sequence) WHERE d.status = 'delivered'
      AND EXISTS (SELECT 1 FROM deliveries e WHERE e.sequence = d.sequence AND e.n < d.n AND e.status = 'pending')`,
    'no head, or a wrong one': `SELECT j.id FROM jobs j JOIN deliveries d USING (sequence) WHERE d.head <> (d.status = 'pending'
      AND d.n = (SELECT min(n) FROM deliveries e WHERE e.sequence = d.sequence AND e.status = 'pending'))`,
    'a receiver at the wrong time': `SELECT r.receiver AS id FROM receivers r
      WHERE next_at IS NOT (SELECT min(next_at) FROM deliveries d WHERE head = 1 AND d.receiver = r.receiver)`,
    'two at the target': `SELECT id FROM jobs WHERE (SELECT count(*) FROM jobs WHERE state IN ('loading', 'working')) > 1`,
  }
  const found = Object.fromEntries(Object.entries(wrong).map(([name, sql]) => [name, ids(sql)]))
  db.close()
  expect(found).toEqual(Object.fromEntries(Object.keys(wrong).map((name) => [name, []])))
})

it('a failed write closes the store: uncertain operations are rejected, and nothing more is done', async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  // SQLite treats EFBIG in the middle of a COMMIT as a device error, not as a full disk.
  const limited = `trap '' XFSZ; ulimit -f 1000; exec "$0" "$@"`
  const { lines, code } = await runSubmitter(
    ['/bin/sh', '-c', limited, process.execPath, SUBMITTER, path, '20000'],
    () => false,
  )
  expect(code).toBe(70)
  expect(lines.filter((line) => line.startsWith('fatal '))).toEqual([expect.stringContaining('disk I/O error')])
  expect(lines.at(-1)).toMatch(/^rejected the store is broken/)
  const promised = acknowledged(lines)
  expect(promised.length).toBeGreaterThan(5)
  const store = await temporaryStore({ path })
  const stored = new Set((await newest(store, 1000)).map(({ id }) => id))
  expect(promised.filter((id) => !stored.has(id))).toEqual([])
})

it('a database that breaks during use closes the store', async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  // Closed and opened again, so that its pages are in the file and not in the log.
  await (await temporaryStore({ path })).close()
  const broken = Promise.withResolvers<Error>()
  const store = await temporaryStore({ path, onFatal: broken.resolve })
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0xee, 4096))
  // The store drops its cached pages when another connection has written.
  const other = new DatabaseSync(path)
  other.exec('PRAGMA user_version = 1')
  other.close()
  await expect(store.get('x')).rejects.toThrow(/broken/)
  expect((await broken.promise).message).toContain('malformed')
  await expect(store.get('x')).rejects.toThrow(/broken/)
  await store.close()
})
