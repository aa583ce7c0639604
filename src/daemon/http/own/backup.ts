// `POST /backup`: a copy of the database, streamed to the caller. The copy is made beside the database, and its name is
// removed before the first byte is sent, so that nothing is left behind if this process is killed.

import { type FileHandle, open, rm, stat, statfs } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { Call } from '../call.ts'
import type { HttpContext } from '../context.ts'
import { reasonPhrase } from '../error-body.ts'
import { ownError } from '../respond.ts'
import { pour } from '../slow-reader.ts'

export const BACKUP_TYPE = 'application/vnd.sqlite3'

const CHUNK_BYTES = 1024 * 1024

export async function sendBackup(call: Call): Promise<void> {
  const { context, res, shared } = call
  const { promise: turn, resolve: go } = Promise.withResolvers<void>()
  shared.backupSlots.acquire(go)
  await turn
  const copying = res.destroyed ? Promise.resolve(null) : copyOf(context)
  const file = await copying.finally(() => shared.backupSlots.release())
  if (file === 'full') return call.refuse(ownError('storage_full'))
  if (file !== null) await sendFile(context, res, file)
}

/** Returns the copy, open and without a name, or `full` if the disk has no room for it. */
async function copyOf(context: HttpContext): Promise<FileHandle | 'full'> {
  if (!(await hasRoom(context))) return 'full'
  const made = await context.store.backup()
  if (made.kind === 'full') return 'full'
  const file = await open(made.path)
  await rm(made.path)
  return file
}

/** Whether FOREMAN_MIN_FREE stays free beside the copy, so that a backup never stops the queue. */
async function hasRoom({ config: { db, minFree } }: HttpContext): Promise<boolean> {
  if (minFree === 0) return true
  const [{ size }, { bavail, bsize }] = await Promise.all([stat(db), statfs(db)])
  return bavail * bsize - size >= minFree
}

async function sendFile(context: HttpContext, res: ServerResponse, file: FileHandle): Promise<void> {
  try {
    const { size } = await file.stat()
    if (res.destroyed) return
    res.writeHead(200, reasonPhrase(200), {
      'Content-Type': BACKUP_TYPE,
      'Content-Length': size,
      'Content-Disposition': 'attachment; filename="foreman.db"',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
    const pieces = file.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES })
    await pour(context, res, pieces, 'a backup could not be sent to its end')
  } finally {
    await file.close()
  }
}
