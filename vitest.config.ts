// Configuration of `npm test`: all tests that are quick and need neither a real Ollama nor other packages.

import { defineConfig } from 'vitest/config'
import { ENVIRONMENT } from './vitest.environment.ts'
import { PROOF } from './vitest.proof.config.ts'
import { bundledStoreThread } from './vitest.store-thread.ts'

export default defineConfig({
  plugins: [bundledStoreThread],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      'test/ollama/**',
      'test/clients/**',
      'test/browser/**',
      'test/scale/**',
      'test/monitoring/**',
      'test/image/**',
      ...PROOF,
    ],
    env: ENVIRONMENT,
    setupFiles: ['test/openapi/recorder.ts'],
    // Limits for tests that hang, not for slow ones: tests do not measure time, and a shared machine may be ten times slower.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // A worker runs many files, and loads the sources once. What a file changes in its process, it must change back.
    isolate: false,
    restoreMocks: true,
    unstubEnvs: true,
    // Every test uses real sockets and files, so more workers than cores would only wait for each other.
    maxWorkers: '100%',
  },
})
