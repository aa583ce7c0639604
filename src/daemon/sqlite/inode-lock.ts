// Lock on a database's inode, held by the process: one queue has one daemon, by whatever path it is opened. The kernel
// releases it when the process ends. The database is not opened here: closing it would drop SQLite's own locks on it.

import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { platform } from 'node:process'

export interface InodeLock {
  release(): void
}

/**
 * Node cannot lock a file, so the lock is the name of an abstract socket, which only Linux has. Where it cannot be made
 * (another system, a sandbox without Unix sockets) or seen (another container), the lock file and the check for hard links remain.
 * Returns null if another process holds it.
 */
export function lockInode(path: string): Promise<InodeLock | null> {
  const { dev, ino } = statSync(path, { bigint: true })
  if (platform !== 'linux') return Promise.resolve({ release: () => {} })
  // Unreferenced, because the thread of a broken store must end without an orderly close.
  const server = createServer((socket) => socket.destroy()).unref()
  return new Promise((resolve) => {
    const release = (): void => void server.close()
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'EADDRINUSE' ? null : { release: () => {} })
    })
    server.listen({ path: `\0foreman/${dev}:${ino}` }, () => resolve({ release }))
  })
}
