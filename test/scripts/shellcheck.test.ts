// Shell scripts of the repository, read by shellcheck. Skipped where it is not installed; .ci/run installs it.

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const SCRIPTS = ['.ci/run', ...globSync(['scripts/**/*.sh', 'examples/**/*.sh'], { cwd: ROOT })]
const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0

it.skipIf(!hasShellcheck).each(SCRIPTS)('%s passes shellcheck', (path) => {
  const { status, stdout } = spawnSync('shellcheck', [path], { cwd: ROOT, encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})
