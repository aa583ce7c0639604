// What is left of an acknowledged job when its daemon is killed, or when nobody can say what is on disk.

import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { newest, temporaryFolder, temporaryStore } from './temporary-store.ts'

const SUBMITTER = fileURLToPath(new URL('./submitter.ts', import.meta.url))
const CYCLES = 20

/** Lets a submitter run until `isEnough`, then kills it; what it said, and how it ended. */
async function runSubmitter(command: readonly string[], isEnough: (lines: readonly string[]) => boolean) {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (isEnough(lines)) child.kill('SIGKILL')
  })
  // Not 'exit': what it said last may still be in the pipe.
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { lines, code }
}

const acknowledged = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith('enqueued ')).map((line) => line.slice('enqueued '.length))

it(`every acknowledged job is there after kill -9, ${CYCLES} times over`, { timeout: 180_000 }, async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  const promised: string[] = []
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    // Another moment each time: from the first acknowledgement to some dozens.
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

it('a write that fails ends the store: what is not certain is rejected, and nothing more is done', async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  // EFBIG is no full disk to SQLite but an error of the device, in the middle of a COMMIT.
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

it('a database that breaks while it is in use ends the store', async () => {
  const path = join(await temporaryFolder(), 'foreman.db')
  // Closed and opened again, so that its pages are in the file and not in the log.
  await (await temporaryStore({ path })).close()
  const broken = Promise.withResolvers<Error>()
  const store = await temporaryStore({ path, onFatal: broken.resolve })
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0xee, 4096))
  // The store forgets the pages that it has read when another connection has written.
  const other = new DatabaseSync(path)
  other.exec('PRAGMA user_version = 1')
  other.close()
  await expect(store.get('x')).rejects.toThrow(/broken/)
  expect((await broken.promise).message).toContain('malformed')
  await expect(store.get('x')).rejects.toThrow(/broken/)
  await store.close()
})
