// What is said of a full disk, which nobody sees until nothing is admitted any more.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createLog } from '../src/daemon/log.ts'
import { Disk } from '../src/daemon/services/disk.ts'
import { TestClock } from './test-clock.ts'

it('the log tells when the store finds no room, and when there is room again', () => {
  const lines: string[] = []
  const write = (line: string): void => void lines.push((JSON.parse(line) as { msg: string }).msg)
  const log = createLog({ logLevel: 'info', logFormat: 'json' }, { write })
  const disk = new Disk({ clock: new TestClock(), log, db: join(tmpdir(), 'foreman.db'), minFree: 0 })
  disk.storeSays(true)
  expect(disk.full).toBe(true)
  disk.storeSays(false)
  expect(disk.full).toBe(false)
  expect(lines).toEqual(['the disk is full: nothing is admitted until there is room', 'there is room again'])
})
