// Log of a process's operations on its database, recorded by write-recorder.c, in the order of their effects.

import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export type RecordedFile = 'database' | 'wal' | 'journal'

export interface WriteRecord {
  readonly operation: 'write' | 'sync' | 'truncate' | 'create' | 'unlink'
  readonly file: RecordedFile
  /** Of a write; of a truncation the new size. */
  readonly offset: number
  /** Of a write; else empty. */
  readonly data: Uint8Array
  readonly wallMs: number
  /** Size of the log with this record. A client that has seen a log of this size knows that the operation has happened. */
  readonly end: number
}

const OPERATIONS = ['write', 'sync', 'truncate', 'create', 'unlink'] as const
const FILES = ['database', 'wal', 'journal'] as const
const HEAD_BYTES = 32

/** Returns the path of the compiled recorder, or null where it cannot be compiled: no C compiler, or not Linux. */
export function compileRecorder(folder: string): string | null {
  if (process.platform !== 'linux') return null
  const library = join(folder, 'write-recorder.so')
  const source = join(import.meta.dirname, 'write-recorder.c')
  const compilation = ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread']
  try {
    execFileSync('cc', compilation, { stdio: 'pipe' })
    return library
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

export function readWriteLog(path: string): readonly WriteRecord[] {
  const bytes = readFileSync(path)
  const records: WriteRecord[] = []
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const operation = OPERATIONS[bytes.readUInt8(at) - 1]
    const file = FILES[bytes.readUInt8(at + 1) - 1]
    if (operation === undefined || file === undefined) throw new Error(`not a record at ${at}`)
    const offset = Number(bytes.readBigUInt64LE(at + 8))
    const length = Number(bytes.readBigUInt64LE(at + 16))
    const wallMs = Number(bytes.readBigUInt64LE(at + 24))
    const end = at + HEAD_BYTES + length
    records.push({ operation, file, offset, data: bytes.subarray(at + HEAD_BYTES, end), wallMs, end })
    at = end
  }
  return records
}
