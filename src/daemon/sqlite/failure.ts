// Owns what an error of SQLite means for the transaction it came from. Pure; the codes are SQLite's result codes.

export type FailureKind =
  /** No room: everything of this transaction is undone, and may be tried again. */
  | 'full'
  /** Nobody can say what is on disk, or the file is broken: not one more statement. */
  | 'fatal'
  /** Another process writes. */
  | 'busy'
  /** The operation's own fault (a constraint, a value that does not fit): its savepoint contains it. */
  | 'contained'

const FULL = 13
const BUSY = [5, 6]
// PERM, NOMEM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, AUTH, NOTADB. An error of input or output is fatal even when
// it is no fsync: EIO on one write says nothing about the writes before it, and after a failed fsync a good one proves
// nothing (fsyncgate). Only a full disk is told apart, by SQLite itself.
const FATAL = [3, 7, 8, 10, 11, 14, 15, 23, 26]

/** SQLite's extended result code of an error, null when it is none of SQLite's. */
export function errcodeOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null
  return typeof error.errcode === 'number' ? error.errcode : null
}

export function verdictOf(errcode: number | null): FailureKind {
  if (errcode === null) return 'contained'
  const primary = errcode & 0xff
  if (primary === FULL) return 'full'
  if (FATAL.includes(primary)) return 'fatal'
  return BUSY.includes(primary) ? 'busy' : 'contained'
}
