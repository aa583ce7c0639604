// Owns how a bench counts the write transactions of a database that another process has open: SQLite counts them itself, in
// the header of the index of its write-ahead log (`-shm`). It reads that file and never opens the database.

import { closeSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'

/** `iChange` in walformat.html §2.1.1: a u32 in the byte order of the machine, one more with each transaction that wrote. */
const CHANGE_COUNTER_AT = 8

/** Transactions committed to `path` that wrote something; the counter starts anywhere, so that only differences mean anything. */
export function commitCounter(path: string): () => number {
  const bytes = Buffer.alloc(4)
  return () => {
    const file = openSync(`${path}-shm`, 'r')
    try {
      readSync(file, bytes, 0, 4, CHANGE_COUNTER_AT)
    } finally {
      closeSync(file)
    }
    return endianness() === 'LE' ? bytes.readUInt32LE() : bytes.readUInt32BE()
  }
}
