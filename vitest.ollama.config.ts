// Owns how the tests against a real Ollama server are run: one file at a time, because there is one target.

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/ollama/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
})
