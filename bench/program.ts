// Owns the finding of programs that a bench needs and this repository does not bring. It looks, and says how to get what is
// missing; it installs nothing.

import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The bench, or one rival of it, is left out; the message says what would have to be there. */
export class MissingProgram extends Error {}

/** Debian's PostgreSQL keeps its servers out of the PATH, in a folder for each version. */
function versionFolders(): string[] {
  try {
    const root = '/usr/lib/postgresql'
    const newestFirst = readdirSync(root).sort((a, b) => Number(b) - Number(a))
    return newestFirst.map((version) => join(root, version, 'bin'))
  } catch {
    return []
  }
}

/** The path of `name`; `cure` says how to get it. */
export function findProgram(name: string, cure: string): string {
  const path = (process.env['PATH'] ?? '').split(delimiter)
  const folders = [...path, '/usr/sbin', '/usr/local/sbin', ...versionFolders()]
  const found = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate))
  if (found !== undefined) return found
  throw new MissingProgram(`needs ${name} (${cure})`)
}
