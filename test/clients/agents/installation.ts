// Installation of the coding agents from the manifest beside this file, in a folder outside the checkout. It is repeated
// only when the manifest changes. Only the opt-in run uses it, because it is large.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cleanEnvironment } from '../../ollama/program.ts'
import { CACHE } from '../../ollama/real-ollama.ts'

const MANIFEST = join(import.meta.dirname, 'package.json')
const run = promisify(execFile)

/** The folder with their commands. Installs 750 MB the first time. */
export async function installAgents(): Promise<string> {
  const mark = createHash('sha256').update(readFileSync(MANIFEST)).digest('hex')
  const folder = join(CACHE, `agents-${mark.slice(0, 12)}`)
  if (!existsSync(folder)) await install(folder)
  return join(folder, 'node_modules/.bin')
}

/** Installs into a temporary folder first, so that the final folder is complete as soon as it exists. */
async function install(folder: string): Promise<void> {
  const making = `${folder}-${process.pid}`
  try {
    await mkdir(making, { recursive: true })
    await copyFile(MANIFEST, join(making, 'package.json'))
    await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: making, env: cleanEnvironment(), timeout: 600_000 })
    await rename(making, folder)
  } catch (error) {
    // Another run was faster: use its result.
    if (!existsSync(folder)) throw error
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}
