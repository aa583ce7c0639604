// Vite plugin for the tests: daemons run the store's thread from one bundled file, as the built program does.

import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleThread } from './scripts/build-program.ts'
import { ENVIRONMENT } from './vitest.environment.ts'

const SOURCE = /new URL\(['"]\.\/worker\.ts['"], import\.meta\.url\)/

/** Each daemon of a test starts a thread. From the source, Node would read 25 TypeScript files for each one: 120 ms instead of 65 ms. */
export const bundledStoreThread = {
  name: 'bundled-store-thread',
  async transform(code: string, id: string): Promise<string | undefined> {
    if (!id.endsWith('/src/daemon/sqlite/thread.ts')) return undefined
    if (!SOURCE.test(code)) throw new Error(`${id} no longer starts a thread from ./worker.ts`)
    return code.replace(SOURCE, JSON.stringify(await threadFile()))
  },
}

/** The name has the hash of the code, so that two runs with different code do not meet. */
async function threadFile(): Promise<string> {
  const { code } = await bundleThread()
  const folder = ENVIRONMENT.NODE_COMPILE_CACHE
  const path = join(folder, `store-thread-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.cjs`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${path}.${process.pid}`, code)
  renameSync(`${path}.${process.pid}`, path)
  return path
}
