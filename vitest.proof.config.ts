// Configuration of the tests that kill daemons, simulate power cuts, fill the memory, or go through a whole table with a daemon for
// each row. They take minutes.

import { defineConfig } from 'vitest/config'
import { ENVIRONMENT } from './vitest.environment.ts'
import { bundledStoreThread } from './vitest.store-thread.ts'

/** Left out of `npm test`, which must be quick. */
export const PROOF = [
  'test/proof/{mutant-detection,kill-points,random-kills}.test.ts',
  'test/power-cuts/**/*.test.ts',
  'test/crash/**/*.test.ts',
  'test/sqlite/crash.test.ts',
  'test/http/hard-inputs.test.ts',
  'test/examples/**/*.test.ts',
  'test/http/error-table.test.ts',
  'test/answer/answer-memory.test.ts',
  'test/cli/package.test.ts',
  'test/docs/troubles.test.ts',
  'test/webhooks/document.test.ts',
]

export default defineConfig({
  plugins: [bundledStoreThread],
  test: {
    include: [...PROOF, 'test/queue/random-faults.test.ts'],
    env: { ...ENVIRONMENT, FOREMAN_TEST_ALL_SEEDS: '1' },
    setupFiles: ['test/openapi/recorder.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: '100%',
  },
})
