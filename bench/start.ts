// Owns the question how long a start takes: from the moment the process is asked for until /healthz answers 200, beside
// the start of a Node that does nothing.

import { once } from 'node:events'
import { join } from 'node:path'
import { Caller, requestBytes } from './caller.ts'
import { freePort, startChild, temporaryDirectory } from './child.ts'
import { startForeman } from './foreman.ts'
import { wait } from './load.ts'
import type { Report } from './report.ts'
import { digits, median } from './statistics.ts'
import { startChatTarget } from './targets.ts'

const METHOD = `From spawn to the first 200 of /healthz, asked every 2 ms, with a new database and with
  the same one again; a Node that runs an empty program beside it, in the same rounds.`

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const times = { node: [] as number[], fresh: [] as number[], again: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    times.node.push(await emptyNode())
    const db = join(temporaryDirectory(), 'foreman.db')
    times.fresh.push(await startToHealthy(target.port, db))
    times.again.push(await startToHealthy(target.port, db))
  }
  await target.child.stop()
  const row = (name: string, found: readonly number[]) => [
    name,
    `${digits(median(found))} ms`,
    `${digits(median(found) / median(times.node))}×`,
  ]
  report.table(
    ['', 'median', 'of an empty Node'],
    [
      row('node, an empty program', times.node),
      row('foreman, a new database', times.fresh),
      row('foreman, its database again', times.again),
    ],
  )
}

async function emptyNode(): Promise<number> {
  const started = performance.now()
  const child = startChild(process.execPath, ['-e', '0'])
  await once(child.process, 'exit')
  return performance.now() - started
}

async function startToHealthy(targetPort: number, db: string): Promise<number> {
  const port = await freePort()
  const started = performance.now()
  const starting = startForeman({ targetPort, db, settings: { FOREMAN_ADDR: `127.0.0.1:${port}` } })
  const healthy = untilHealthy(port).then(() => performance.now() - started)
  // In this order: a daemon that does not start at all ends the bench, not the wait for its health.
  const foreman = await starting
  const time = await healthy
  await foreman.child.stop()
  return time
}

async function untilHealthy(port: number): Promise<void> {
  for (let tries = 0; tries < 10_000; tries++) {
    if (await isHealthy(port)) return
    await wait(2)
  }
}

function isHealthy(port: number): Promise<boolean> {
  const caller = new Caller(port)
  return new Promise((resolve) => {
    caller.socket.once('close', () => resolve(false))
    caller.send(requestBytes({ method: 'GET', path: '/healthz', port }), {
      end: (status) => {
        resolve(status === 200)
        caller.close()
      },
    })
  })
}
