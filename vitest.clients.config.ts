// Owns how the tests with real clients are run: packages as a user installs them, from a manifest of their own.

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'test/clients/**/*.test.ts',
      'test/browser/**/*.test.ts',
      'test/scale/**/*.test.ts',
      'test/monitoring/**/*.test.ts',
    ],
    globalSetup: ['test/clients/install.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
})
