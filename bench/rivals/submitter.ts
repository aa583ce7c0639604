// Load on a rival: `submitter.ts LIBRARY URL CLIENTS MS` runs that many clients, each of which submits its next job
// when the previous one is acknowledged, and prints `rate JOBS_A_SECOND`. It runs in its own process, as a program that
// uses the library does.

import type { OpenRival } from './rival.ts'

const LIBRARIES: Readonly<Record<string, () => Promise<{ open: OpenRival }>>> = {
  bullmq: () => import('./bullmq.ts'),
  'pg-boss': () => import('./pg-boss.ts'),
  'graphile-worker': () => import('./graphile-worker.ts'),
}

const WARM_UP_MS = 500
/** Connections of the pool. The default of pg-boss and graphile-worker is 10; two cores gain little from more. */
const MOST_CONNECTIONS = 16

const JOB = { model: 'bench', messages: [{ role: 'user', content: 'Why is the sky blue?' }] }

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const [name = '', url = '', ...numbers] = process.argv.slice(2)
const [clients = 1, ms = 1_000] = numbers.map(Number)
const library = LIBRARIES[name]
if (library === undefined) throw new Error(`unknown rival ${name}; known: ${Object.keys(LIBRARIES).join(', ')}`)
const { open } = await library()
const rival = await open(url, Math.min(clients, MOST_CONNECTIONS))

let acknowledged = 0
let running = true
const loops = Array.from({ length: clients }, async () => {
  while (running) {
    await rival.submit(JOB)
    acknowledged += 1
  }
})
const all = Promise.all(loops)
// An error ends the process and so the trial.
await Promise.race([all, wait(WARM_UP_MS)])
const before = { acknowledged, at: performance.now() }
await Promise.race([all, wait(ms)])
const rate = ((acknowledged - before.acknowledged) * 1000) / (performance.now() - before.at)
running = false
await all
console.log(`rate ${rate}`)
await rival.close()
process.exit(0)
