// Fuzz target: sequences of operations on the store, compared with its model.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { openStore } from '../../../src/daemon/sqlite/thread.ts'
import { queueProperty } from '../../sqlite/queue-property.ts'
import type { FuzzTurn } from '../target.ts'

export const name = 'store'

/** Small, so that a turn ends in time. */
const BATCH = 5

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-fuzz-'))
  const onFatal = (error: Error): void => {
    throw error
  }
  const store = await openStore({ path: join(folder, 'foreman.db'), onFatal })
  try {
    let cases = 0
    for (let batch = 0; batch === 0 || !until(); batch++) {
      await fc.assert(queueProperty(store), { seed: seed + batch, numRuns: BATCH })
      cases += BATCH
    }
    return { cases }
  } finally {
    await store.close()
    await rm(folder, { recursive: true, force: true })
  }
}
