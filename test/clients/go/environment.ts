// Build of the Go client program: made once in a folder outside the checkout, and again only if its sources or Go changed.
// Modules come through the configured proxy, at the versions and checksums of go.mod and go.sum.

import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'
import { cleanEnvironment } from '../../ollama/program.ts'
import { CACHE } from '../../ollama/real-ollama.ts'
import { ClientProcess } from '../conformance/client-process.ts'

const FOLDER = import.meta.dirname
const run = promisify(execFile)

/** The first build downloads the module of Ollama, about 30 MB. */
export const FIRST_BUILD_MS = 10 * 60_000

const { stdout: version, status } = spawnSync('go', ['version'], { encoding: 'utf8' })
const isMissing = status !== 0

if (isMissing) process.stderr.write('\nSKIPPED, NOT PASSED: Go is missing; its client was not tried.\n\n')

/** `describe`, skipped if Go is missing. In CI, Go is required. */
export const describeWithGo = describe.skipIf(isMissing && process.env['CI'] === undefined)

export async function startGoClient(): Promise<ClientProcess> {
  return ClientProcess.start({ command: await build(), args: [], env: cleanEnvironment() })
}

async function build(): Promise<string> {
  const hash = createHash('sha256').update(version)
  for (const name of readdirSync(FOLDER).sort())
    if (/\.(go|mod|sum)$/.test(name)) hash.update(`${name}\0`).update(readFileSync(join(FOLDER, name)))
  const program = join(CACHE, `go-client-${hash.digest('hex').slice(0, 12)}`)
  if (existsSync(program)) return program
  await mkdir(CACHE, { recursive: true })
  // Built under another name first, so that the final name is always a whole program.
  const unfinished = `${program}-${process.pid}`
  try {
    const env = { ...process.env, CGO_ENABLED: '0' }
    await run('go', ['build', '-mod=readonly', '-o', unfinished, '.'], { cwd: FOLDER, env })
    await rename(unfinished, program)
  } finally {
    await rm(unfinished, { force: true })
  }
  return program
}
