// The install of what real clients are tested with. It installs only what its lock file says, and only when that has
// changed since the last time.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = import.meta.dirname
const INSTALLED = join(FOLDER, 'node_modules', '.installed')

export default function install(): void {
  const lock = readFileSync(join(FOLDER, 'package-lock.json'))
  const wanted = createHash('sha256').update(lock).digest('hex')
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === wanted) return
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER, stdio: 'inherit' })
  writeFileSync(INSTALLED, wanted)
}
