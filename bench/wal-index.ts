// Counter of the write transactions of a database that another process has open. SQLite counts them in the header of
// the index of its write-ahead log (`-shm`). This reads that file and never opens the database.

import { closeSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'

/** `iChange` (SQLite's walformat.html, 2.1.1): a u32 in the machine's byte order that each writing transaction increments. */
const CHANGE_COUNTER_AT = 8

/** Returns how many write transactions were committed to `path`. It can start at any value: use only differences. */
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
