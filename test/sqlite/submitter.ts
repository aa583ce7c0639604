// Child process that only submits: it opens the store at argv[2] and enqueues async jobs, several at once, until it is
// killed. It writes the id of each acknowledged job, and the failure of its store. argv[3]: bytes of each body.

import { writeSync } from 'node:fs'
import { openStore } from '../../src/daemon/sqlite/thread.ts'

const [, , path = '', bytes = '100'] = process.argv
const AT_ONCE = 4

// Not process.stdout: the bytes must be out before the next instruction, even if a kill follows.
const say = (line: string): void => void writeSync(1, `${line}\n`)

let isBroken = false
const store = await openStore({
  path,
  onFatal(error) {
    isBroken = true
    say(`fatal ${error.message}`)
  },
  onStorageFull: (full) => say(`full ${full}`),
})
say('open')

async function submit(stream: number): Promise<void> {
  for (let number = 0; !isBroken; number += 1) {
    const id = `${process.pid}-${stream}-${number}`
    const result = await store.enqueue(
      {
        id,
        caller: 'none',
        endpoint: '/api/chat',
        model: 'tiny-a',
        affinity: 'tiny-a:latest',
        stream: true,
        loadOnly: false,
        contentType: null,
        contentEncoding: null,
        body: new Uint8Array(Number(bytes)),
        createdAt: 0,
        createdAwake: 0,
      },
      { maxQueue: 1e9, maxQueueBytes: 1e15 },
    )
    say(`${result.kind} ${id}`)
  }
}

await Promise.allSettled(Array.from({ length: AT_ONCE }, (_, stream) => submit(stream)))
// A broken store refuses further operations with a clear error.
await store.get('x').catch((error: Error) => say(`rejected ${error.message}`))
process.exit(70)
