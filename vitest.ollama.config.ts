// Configuration of the tests with a real Ollama: one file at a time, because they share one target.

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/ollama/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
})
