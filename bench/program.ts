// Look-up of programs that a bench needs and that are not in this repository. It says how to install a missing one, but
// installs nothing.

import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program is missing, so the bench or one of its rivals is left out. The message says what to install. */
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

/** Returns the path of `name`; `cure` says how to install it. */
export function findProgram(name: string, cure: string): string {
  const path = (process.env['PATH'] ?? '').split(delimiter)
  const folders = [...path, '/usr/sbin', '/usr/local/sbin', ...versionFolders()]
  const found = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate))
  if (found !== undefined) return found
  throw new MissingProgram(`needs ${name} (${cure})`)
}
