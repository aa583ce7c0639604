// The disk service: its log lines for a full disk, and where it measures the free space.

import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createLog } from '../src/daemon/runtime/log.ts'
import { Disk } from '../src/daemon/services/disk.ts'
import { TestClock } from './test-clock.ts'

it('the log says when the store finds no room and when there is room again', () => {
  const lines: string[] = []
  const write = (line: string): void => void lines.push((JSON.parse(line) as { msg: string }).msg)
  const log = createLog({ logLevel: 'info' }, { write })
  const disk = new Disk({
    clock: new TestClock(),
    log,
    db: join(tmpdir(), 'foreman.db'),
    minFree: 0,
    checkFiles: () => {},
  })
  disk.storeSays(true)
  expect(disk.full).toBe(true)
  disk.storeSays(false)
  expect(disk.full).toBe(false)
  expect(lines).toEqual(['the disk is full: nothing is admitted until there is room', 'the disk has room again'])
})

// The free space of /proc is always zero.
it.runIf(process.platform === 'linux')('free space is measured where the file is, not where its link is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const db = join(folder, 'link.db')
  await symlink('/proc/version', db)
  const log = createLog({ logLevel: 'silent' })
  const disk = new Disk({ clock: new TestClock(), log, db, minFree: 1, checkFiles: () => {} })
  await disk.start()
  expect(disk.full).toBe(true)
})
