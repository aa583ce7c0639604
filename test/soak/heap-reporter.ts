// Preloaded into the daemon of a soak (`node --import`): answers each message of the parent with the heap in use after a
// collection. Needs `--expose-gc`. It keeps nothing alive.

import { getHeapStatistics } from 'node:v8'

export interface HeapReport {
  readonly heapBytes: number
  /** Buffers outside the heap. */
  readonly externalBytes: number
}

process.on('message', () => {
  globalThis.gc?.()
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics()
  process.send?.({ heapBytes, externalBytes } satisfies HeapReport)
})
process.channel?.unref()
