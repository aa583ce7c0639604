// Configuration of the tests of the image. scripts/try-image.sh builds the image, provides podman and runs them.

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/image/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
})
