// Database with many queued jobs, written by the store as if they had been submitted, for benches of a long queue. The
// store is closed before a daemon opens the file.

import type { NewJob } from '../src/daemon/domain/job.ts'
import { openStore } from '../src/daemon/sqlite/thread.ts'

const LIMITS = { maxQueue: 10_000_000, maxQueueBytes: 2 ** 40 }
const AT_ONCE = 500

export async function fillDatabase(path: string, count: number): Promise<void> {
  const store = await openStore({
    path,
    onFatal: (error) => {
      throw error
    },
  })
  for (let first = 0; first < count; first += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, index) => newJob(first + index))
    await Promise.all(some.map((job) => store.enqueue(job, LIMITS)))
  }
  await store.close()
}

function newJob(number: number): NewJob {
  const body = JSON.stringify({
    model: 'bench',
    messages: [{ role: 'user', content: 'Why is the sky blue?' }],
    options: { hold: true },
  })
  return {
    id: `01J0000000${String(number).padStart(16, '0')}`,
    caller: 'none',
    endpoint: '/api/chat',
    model: 'bench',
    affinity: 'bench:latest',
    stream: true,
    loadOnly: false,
    contentType: 'application/json',
    contentEncoding: null,
    body: Uint8Array.from(Buffer.from(body)),
    createdAt: Date.now(),
    createdAwake: 0,
  }
}
