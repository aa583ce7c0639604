// How the tests of the image are run: by scripts/try-image.sh, which builds it and gives them podman.

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/image/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
})
