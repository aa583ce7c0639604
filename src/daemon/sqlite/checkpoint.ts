// Checkpoints of the write-ahead log. They run between two batches, never inside a COMMIT, so that waiting callers do not
// wait for their fsyncs.

import type { DatabaseSync } from 'node:sqlite'
import { errcodeOf, verdictOf } from './failure.ts'

/** Pages in the log that start a checkpoint when the store is idle: 4 MiB, SQLite's default. */
export const WHEN_IDLE = 1000
/** Pages that start one under constant load: 64 MiB, the same as journal_size_limit. */
export const WHEN_BUSY = 16_000

export interface Checkpoints {
  /** Runs a checkpoint if the log has at least this many pages. */
  run(pages: number): void
  /** Runs the last checkpoint and truncates the log. */
  finish(): void
}

interface Checkpointed {
  readonly log: number
  readonly checkpointed: number
}

export function createCheckpoints(db: DatabaseSync): Checkpoints {
  // The columns of the pragma, from SQLite's documentation. NOOP only reads them (2 µs).
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const write = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')

  /** A checkpoint may fail because the disk is full or another process reads. Nothing is lost: the log keeps every page. */
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
