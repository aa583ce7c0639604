// Child process that runs async jobs from submit to delivery: it opens the store at argv[2], recovers, and then enqueues,
// claims, ends and delivers until it is killed. It writes each operation that the store has acknowledged.

import { writeSync } from 'node:fs'
import { NOTHING_RESIDENT } from '../../src/daemon/domain/affinity.ts'
import { NO_OPTIONS, STATES } from '../../src/daemon/domain/job.ts'
import { openStore } from '../../src/daemon/sqlite/thread.ts'

const [, , path = ''] = process.argv
const MOST = 5000

// Not process.stdout: the bytes must be out before the next instruction, even if a kill follows.
const say = (line: string): void => void writeSync(1, `${line}\n`)

const store = await openStore({
  path,
  onFatal(error) {
    say(`fatal ${error.message}`)
    process.exit(70)
  },
})
await store.recover(Date.now(), 3)
say('open')

const options = { ...NO_OPTIONS, webhookUrl: 'http://hooks.lan/', webhookEvents: STATES }

async function submit(): Promise<void> {
  for (let number = 0; number < MOST; number += 1) {
    const id = `${process.pid}-${number}`
    await store.enqueue(
      {
        ...{ id, caller: 'none', endpoint: '/api/chat', model: 'tiny-a', affinity: 'tiny-a:latest', stream: true },
        ...{ loadOnly: false, contentType: null, contentEncoding: null, body: new Uint8Array(100), options },
        idempotency: { key: `key-${id}`, fingerprint: new Uint8Array(32) },
        ...{ createdAt: Date.now(), createdAwake: 0 },
      },
      { maxQueue: 1e9, maxQueueBytes: 1e15 },
    )
    say(`enqueued ${id}`)
  }
}

async function run(): Promise<void> {
  for (let number = 0; number < MOST; number += 1) {
    const now = Date.now()
    const claimed = await store.claim({ now, awake: 0, residency: NOTHING_RESIDENT, drainLimitMs: 0 })
    if (claimed.kind === 'empty') continue
    const { id } = claimed.job
    await store.apply({ id, event: 'first_byte', now })
    const response = { name: 'response', contentType: 'text/plain', body: new Uint8Array(300_000) } as const
    const completion = { name: 'completion', contentType: 'text/plain', body: new Uint8Array(10) } as const
    const remains = { artifacts: [response, completion], result: new Uint8Array(2), responseIsResult: false }
    await store.apply({ id, event: 'completed', now, output: remains })
    say(`done ${id}`)
  }
}

async function deliver(): Promise<void> {
  for (let number = 0; number < MOST; number += 1) {
    const now = Date.now()
    const { due } = await store.dueDeliveries({ now, limit: 4, except: [], underWay: [] })
    for (const { jobId, change } of due) {
      const verdict = { kind: 'delivered' } as const
      if (await store.settleDelivery({ jobId, n: change.number, now, verdict })) say(`told ${jobId} ${change.number}`)
    }
  }
}

await Promise.all([submit(), run(), deliver()])
process.exit(0)
