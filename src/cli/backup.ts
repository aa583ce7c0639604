// `foreman backup`: saves a copy of the running daemon's database as a file. The file appears under its name only when it
// is complete and on disk.

import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { ForemanError } from '../client/index.ts'
import { fileErrorText } from '../daemon/text/system-error.ts'
import { type ConnectionFlags, connect, withConnection } from './connection.ts'
import { CommandError, EXIT } from './exit.ts'
import { bytes, jsonText, printable } from './terminal.ts'

const HELP = `Writes a consistent copy of the daemon's database to a file. Jobs continue meanwhile, and the copy has every job that was
accepted before. While it makes the copy, the daemon needs free disk space of the size of its database. The file contains
prompts and answers, and only its owner can read it. An existing file is kept, unless --force is given.

To restore: stop foreman, replace the file at FOREMAN_DB, remove the -wal and -shm files beside it, start foreman.

Examples:
  foreman backup foreman-$(date +%F).db
  foreman backup --force /backup/foreman.db
  foreman backup --url http://gpu.lan:8080 gpu.db
`

interface BackupFlags extends ConnectionFlags {
  readonly force?: true
}

export function addBackup(program: Command): void {
  withConnection(program.command('backup').argument('<file>'), 3_600_000)
    .summary("write a copy of the running daemon's database to a file")
    .addHelpText('before', HELP)
    .option('--force', 'replace the file if it exists')
    .action(backUp)
}

async function backUp(path: string, flags: BackupFlags): Promise<void> {
  if (flags.force !== true && (await stat(path).catch(() => null)) !== null) throw exists(path)
  const part = `${path}.${process.pid}.part`
  const interruption = new AbortController()
  const interrupt = (): void => interruption.abort(new CommandError(EXIT.interrupted, 'foreman: no backup was written'))
  for (const signal of SIGNALS) process.on(signal, interrupt)
  try {
    const size = await writeWhole(part, flags, interruption.signal)
    await (flags.force === true ? rename(part, path) : putAside(part, path))
    await syncFolder(dirname(resolve(path)))
    const text = flags.json === true ? jsonText({ file: path, bytes: size }) : `${printable(path)}: ${bytes(size)}`
    process.stdout.write(`${text}\n`)
  } catch (error) {
    throw writeErrorOf(error, path)
  } finally {
    await rm(part, { force: true })
    for (const signal of SIGNALS) process.off(signal, interrupt)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

async function writeWhole(part: string, flags: ConnectionFlags, signal: AbortSignal): Promise<number> {
  const file = await open(part, 'wx', 0o600)
  try {
    let size = 0
    for await (const piece of connect(flags).backup({ signal, timeoutMs: flags.timeout })) {
      await writeAll(file, piece)
      size += piece.byteLength
    }
    await file.sync()
    return size
  } finally {
    await file.close()
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.byteLength; ) at += (await file.write(piece, at)).bytesWritten
}

/**
 * Gives the file its name, unless another file has taken it. On a file system without hard links only the check at the
 * start protects an existing file.
 */
async function putAside(part: string, path: string): Promise<void> {
  try {
    await link(part, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw exists(path)
    await rename(part, path)
  }
}

/** Saves the new name in the folder. Ignored on Windows, which cannot open a folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => null)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

const exists = (path: string): CommandError =>
  new CommandError(EXIT.error, `foreman: ${printable(path)} exists: choose another name, or replace it with --force`)

function writeErrorOf(error: unknown, path: string): unknown {
  if (error instanceof CommandError || error instanceof ForemanError || codeOf(error) === null) return error
  return new CommandError(EXIT.error, `foreman: ${printable(path)} cannot be written: ${fileErrorText(error)}`)
}

const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error ? String(error.code) : null
