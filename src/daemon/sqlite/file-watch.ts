// Check of the files of an open database. SQLite goes on writing into a file that was deleted or replaced, and everything
// committed from then on is lost. The check opens no file, because closing one would drop SQLite's own locks.

import { realpathSync, statSync } from 'node:fs'

/** Throws if the database, its log or its lock is not the file that was opened. */
export type FileWatch = () => void

/** @param given The path as it was set, which may be a symlink to `path`. */
export function watchFiles(given: string, path: string): FileWatch {
  const opened = ['', '-wal', '-shm', '.lock'].map((suffix) => ({
    name: path + suffix,
    identity: identityOf(path + suffix),
  }))
  return () => {
    const lost = opened.find(({ name, identity }) => isAnother(identityOf(name), identity))?.name
    if (lost !== undefined || isAnother(pathOf(given), path)) {
      throw new Error(
        `${lost ?? given} was deleted or replaced while foreman used it; jobs taken since then may be lost: ` +
          'restore the file, or start foreman again on what is there now',
      )
    }
  }
}

/** Returns null if the stat failed for a reason that says nothing about the file. */
const isAnother = (seen: string | null, opened: string | null): boolean => seen !== null && seen !== opened

function identityOf(path: string): string | null {
  return look(() => {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev}:${ino}`
  })
}

const pathOf = (given: string): string | null => look(() => realpathSync(given))

function look(at: () => string): string | null {
  try {
    return at()
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    return isMissing ? 'missing' : null
  }
}
