// Identity of the database file: one daemon for one inode, and a daemon whose file was removed.

import { execFileSync } from 'node:child_process'
import { copyFileSync, linkSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StoreOpenError } from '../../src/daemon/sqlite/store.ts'
import { openStore } from '../../src/daemon/sqlite/thread.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'
import { NO_LIMITS, newJob, put, temporaryFolder, temporaryStore } from './temporary-store.ts'

const databasePath = async (): Promise<string> => join(await temporaryFolder(), 'foreman.db')

async function refusalOf(path: string): Promise<Pick<StoreOpenError, 'reason' | 'message'>> {
  const store = await openStore({ path, onFatal: () => {} }).catch((error: StoreOpenError) => error)
  if ('close' in store) {
    await store.close()
    throw new Error('not refused')
  }
  return store
}

// Only Linux has names of sockets that are not files.
describe.runIf(process.platform === 'linux')('a second daemon on the same file', () => {
  it('is refused after the lock file was removed', async () => {
    const path = await databasePath()
    await temporaryStore({ path })
    rmSync(`${path}.lock`)
    expect(await refusalOf(path)).toMatchObject({ reason: 'in_use' })
  })

  it('is refused with a hard link in another folder', async () => {
    const path = await databasePath()
    await temporaryStore({ path })
    const link = await databasePath()
    linkSync(path, link)
    expect(await refusalOf(link)).toMatchObject({ reason: 'in_use' })
  })

  it('is refused with a hard link whose first name was removed', async () => {
    const path = await databasePath()
    await temporaryStore({ path })
    const moved = await databasePath()
    renameSync(path, moved)
    expect(await refusalOf(moved)).toMatchObject({ reason: 'in_use' })
  })
})

describe('a database file', () => {
  it('is rejected with two names, because the write-ahead log is found by only one of them', async () => {
    const path = await databasePath()
    await (await temporaryStore({ path })).close()
    const link = await databasePath()
    linkSync(path, link)
    expect(await refusalOf(path)).toMatchObject({
      reason: 'unusable',
      message: `${path} has 2 names (hard links), and a database must have one; remove the other names, or copy the file and set FOREMAN_DB to the copy`,
    })
    rmSync(link)
    await temporaryStore({ path })
  })

  it('is rejected if it is not a regular file, and keeps its mode', async () => {
    const path = await databasePath()
    execFileSync('mkfifo', ['-m', '644', path])
    expect(await refusalOf(path)).toMatchObject({
      reason: 'unusable',
      message: expect.stringContaining('is not a regular file'),
    })
    expect(statSync(path).mode & 0o777).toBe(0o644)
  })
})

it('a link to a missing file creates the file at its destination', async () => {
  const [path, link] = [await databasePath(), await databasePath()]
  symlinkSync(path, link)
  await temporaryStore({ path: link })
  for (const file of [path, `${path}.lock`]) expect(statSync(file).mode & 0o777).toBe(0o600)
})

describe('a database that is removed while it is open', () => {
  const replace = (path: string): void => {
    copyFileSync(path, `${path}.copy`)
    renameSync(`${path}.copy`, path)
  }
  it.each<[string, string, (path: string) => void]>([
    ['deleted', '', (path) => rmSync(path)],
    ['replaced', '', replace],
    ['without its log', '-wal', (path) => rmSync(`${path}-wal`)],
    ['without its index', '-shm', (path) => rmSync(`${path}-shm`)],
    ['without its lock', '.lock', (path) => rmSync(`${path}.lock`)],
  ])('acknowledges nothing more: %s', async (_, suffix, lose) => {
    const path = await databasePath()
    const broken = Promise.withResolvers<Error>()
    const store = await temporaryStore({ path, onFatal: broken.resolve })
    await put(store, { caller: 'none' })
    lose(path)
    await expect(store.enqueue(newJob({ caller: 'none' }), NO_LIMITS)).rejects.toThrow('deleted or replaced')
    expect((await broken.promise).message).toContain(`${path}${suffix} was deleted or replaced`)
  })

  it('is detected if its link is changed', async () => {
    const path = await databasePath()
    const other = await databasePath()
    writeFileSync(other, '')
    const link = await databasePath()
    symlinkSync(path, link)
    const broken = Promise.withResolvers<Error>()
    const store = await temporaryStore({ path: link, onFatal: broken.resolve })
    rmSync(link)
    symlinkSync(other, link)
    store.checkFiles()
    expect((await broken.promise).message).toContain(`${link} was deleted or replaced`)
  })

  it('ends an idle daemon with 70 and an explanation within a minute', async () => {
    const target = await FakeOllama.start()
    const { daemon, config, clock, logged } = await startForeman(target)
    rmSync(config.db)
    clock.advance(60_000)
    expect(await daemon.exited).toBe(70)
    expect(logged.filter(({ level }) => level === 'fatal')).toEqual([
      expect.objectContaining({ msg: expect.stringContaining(`${config.db} was deleted or replaced`) }),
    ])
  })
})
