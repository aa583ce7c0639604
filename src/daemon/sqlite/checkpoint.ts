// Owns when the write-ahead log goes into the database file: between two batches, never inside a COMMIT, so that no blocked
// caller waits for its fsyncs.

import type { DatabaseSync } from 'node:sqlite'
import { errcodeOf, verdictOf } from './failure.ts'

/** Pages in the log after which it is written back: SQLite's own measure, 4 MiB, when there is nothing else to do. */
export const WHEN_IDLE = 1000
/** Under a load that never ends: 64 MiB, what journal_size_limit keeps of it. */
export const WHEN_BUSY = 16_000

export interface Checkpoints {
  /** Writes the log back if it holds this many pages. */
  run(pages: number): void
  /** The last one: the log is emptied. */
  finish(): void
}

interface Checkpointed {
  readonly log: number
  readonly checkpointed: number
}

export function createCheckpoints(db: DatabaseSync): Checkpoints {
  // Columns of the pragma, by SQLite's documentation; NOOP only tells them (2 µs).
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const write = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')

  /** A checkpoint that finds no room, or somebody else reading, has lost nothing: the log keeps it all. */
  function harmless(checkpoint: () => unknown): void {
    try {
      checkpoint()
    } catch (error) {
      const verdict = verdictOf(errcodeOf(error))
      if (verdict !== 'full' && verdict !== 'busy') throw error
    }
  }

  return {
    run(pages) {
      const { log, checkpointed } = look.get() as unknown as Checkpointed
      if (log - checkpointed >= pages) harmless(() => write.get())
    },
    finish: () => harmless(() => db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()),
  }
}
