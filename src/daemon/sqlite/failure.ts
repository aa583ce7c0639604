// Meaning of an SQLite error for the transaction that it occurred in. Pure; the codes are SQLite's result codes.

export type FailureKind =
  /** The disk is full: the whole transaction is undone and may be tried again. */
  | 'full'
  /** The file is broken, or its contents are unknown: no more statements may run. */
  | 'fatal'
  /** Another process is writing. */
  | 'busy'
  /** A fault of the operation (a constraint, a value that does not fit). Rolling back its savepoint is enough. */
  | 'contained'

const FULL = 13
const BUSY = [5, 6]
// PERM, NOMEM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, AUTH, NOTADB. An I/O error is always fatal,
// not only for an fsync: EIO on one write says nothing about earlier writes, and a successful fsync after a failed one
// proves nothing (fsyncgate). SQLite itself distinguishes only a full disk.
const FATAL = [3, 7, 8, 10, 11, 14, 15, 23, 26]

/** Returns SQLite's extended result code; null if the error is not from SQLite. */
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
