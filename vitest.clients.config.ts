// Configuration of the tests with real clients. The clients are installed as a user installs them, from their own manifest.

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
