// Disk monitor: reads the free space beside the database and the size of the database every five seconds, and decides
// whether there is room to admit more. It never deletes anything.

import { stat, statfs } from 'node:fs/promises'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'

const EVERY_MS = 5_000

export interface DiskParts {
  readonly clock: Clock
  readonly log: Log
  /** The database, which is open. */
  readonly db: string
  /** FOREMAN_MIN_FREE, bytes. */
  readonly minFree: number
  /** Called at each check: the files may have been deleted or replaced meanwhile. */
  readonly checkFiles: () => void
}

export class Disk {
  readonly #parts: DiskParts
  #timer: Timer | null = null
  #low = false
  #storeFull = false
  #stopped = false
  /** As last read; null before that. */
  freeBytes: number | null = null
  /** Size of the database and its log, as last read; null before that. */
  databaseBytes: number | null = null

  constructor(parts: DiskParts) {
    this.#parts = parts
  }

  /** True if nothing may be admitted. */
  get full(): boolean {
    return this.#low || this.#storeFull
  }

  /** Resolves after the first check. */
  async start(): Promise<void> {
    await this.#look()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  storeSays(full: boolean): void {
    this.#storeFull = full
    if (full) this.#parts.log.error('the disk is full: nothing is admitted until there is room')
    else this.#parts.log.warn('the disk has room again')
  }

  async #look(): Promise<void> {
    const { clock, log, db, minFree, checkFiles } = this.#parts
    checkFiles()
    try {
      // The file, not its folder: it may be a symlink to another disk.
      const { bavail, bsize } = await statfs(db)
      const freeBytes = bavail * bsize
      this.freeBytes = freeBytes
      const low = freeBytes < minFree
      if (low !== this.#low)
        log.warn(
          { freeBytes, minFree },
          low ? 'free disk space is low: nothing is admitted' : 'the disk has room again',
        )
      this.#low = low
      this.databaseBytes = await databaseBytes(db)
    } catch (error) {
      log.warn({ err: error }, 'free disk space or the size of the database could not be read')
    }
    if (!this.#stopped) this.#timer = clock.after(EVERY_MS, () => void this.#look())
  }
}

/** The log is missing while the store is closed, and may be created at any time. */
async function databaseBytes(db: string): Promise<number> {
  const log = await stat(`${db}-wal`).catch(() => ({ size: 0 }))
  return (await stat(db)).size + log.size
}
