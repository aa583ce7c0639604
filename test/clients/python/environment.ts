// The Python that the clients run in: installed from requirements.txt into a folder outside the checkout, made once and
// made anew only when that list or the Python has changed. It touches no other Python's packages.

import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'
import { cleanEnvironment } from '../../ollama/program.ts'
import { CACHE } from '../../ollama/real-ollama.ts'

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt')
const run = promisify(execFile)

/** The first run downloads about 100 MB. */
export const FIRST_INSTALL_MS = 15 * 60_000

/** Debian packs Python, `venv` and `pip` one by one; either of the two will do. */
const LOOK = `import importlib.util as u, sys
has = lambda name: u.find_spec(name) is not None
assert sys.version_info >= (3, 10)
print(sys.version, 'venv' if has('venv') and has('ensurepip') else 'pip' if has('pip') else 'neither', sep='|')`

const looked = spawnSync('python3', ['-c', LOOK], { encoding: 'utf8' })
const [version = '', means = 'neither'] = looked.status === 0 ? looked.stdout.trim().split('|') : []

if (means === 'neither')
  process.stderr.write(
    '\nSKIPPED, NOT PASSED: no python3 from 3.10 on with venv or pip; its clients were not tried.\n\n',
  )

/** `describe`, but for suites that need Python: skipped where there is none. */
export const describeWithPython = describe.skipIf(means === 'neither')

export interface Python {
  readonly command: string
  readonly env: NodeJS.ProcessEnv
}

export async function makePython(): Promise<Python> {
  const mark = createHash('sha256').update(readFileSync(REQUIREMENTS)).update(version).digest('hex')
  const folder = join(CACHE, `python-clients-${mark.slice(0, 12)}`)
  if (!existsSync(folder)) await install(folder)
  return {
    command: means === 'venv' ? join(folder, 'bin/python') : 'python3',
    env: cleanEnvironment({
      ...(means === 'venv' ? {} : { PYTHONPATH: folder }),
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
      NO_PROXY: '*',
      // Nobody is asked over TLS, and most read all certificates of the world for each question: 30 ms on a quiet core.
      SSL_CERT_DIR: import.meta.dirname,
      // What it would fetch at import stands in its package as well.
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      LANGSMITH_TRACING: 'false',
    }),
  }
}

/** Made beside its place first, so that the folder is complete once it exists. */
async function install(folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  const making = `${folder}-${process.pid}`
  try {
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]
    if (means === 'venv') {
      await run('python3', ['-m', 'venv', making])
      await run(join(making, 'bin/python'), pip)
    } else await run('python3', [...pip, '--target', making])
    await rename(making, folder)
  } catch (error) {
    // Another run was faster: then what it made is as good.
    if (!existsSync(folder)) throw error
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}
