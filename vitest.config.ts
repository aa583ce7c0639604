// Owns how the suite is run: everything that needs no real Ollama and no other packages, and ends soon.

import { defineConfig } from 'vitest/config'
import { PROOF } from './vitest.proof.config.ts'

export default defineConfig({
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
    setupFiles: ['test/openapi/recorder.ts'],
    // Bounds for what hangs, not for what is slow: no test measures time, and a shared machine may be ten times slower.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Every test has real sockets and real files; more workers than cores only make them wait for each other.
    maxWorkers: '100%',
  },
})
