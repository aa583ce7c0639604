// Bench of jobs acknowledged per second, each on disk before its 202, compared with the limit of disk and `node:sqlite`
// at the same batch size, and with other durable queues.

import { join } from 'node:path'
import { ask, post } from './caller.ts'
import { temporaryDirectory } from './child.ts'
import { startForeman } from './foreman.ts'
import { type Closed, closedLoad } from './load.ts'
import type { Report } from './report.ts'
import { type Rivals, rateOf, startRivals } from './rivals.ts'
import { digits, median } from './statistics.ts'
import { startBareSubmits, startChatTarget, targetScript } from './targets.ts'
import { commitCounter } from './wal-index.ts'

const METHOD = `POST /jobs on kept connections; each client sends its next job when the previous one has its 202. The
  queue is paused, so that no job runs. Jobs per commit: answers divided by the write transactions that SQLite counts
  in the header of its -shm file. Bare: node:sqlite alone, in its own process, one table, rows of the same bytes, WAL,
  synchronous=FULL, with as many rows per commit as foreman had just before. Bare Node: node:http in front of that,
  one commit for all requests of one turn of the event loop, without reading or checking them. Rivals are their own
  packages in their own process, without HTTP: as many submits at once as there are clients, one connection for BullMQ
  (Redis, appendonly, appendfsync always), a pool of at most 16 for pg-boss and graphile-worker (PostgreSQL, fsync and
  synchronous_commit on). All take turns in each round; each has one server and one database for all rounds.`

const CLIENTS = [1, 16, 256]
const TRIAL_MS = 1_500
const JOB = { model: 'bench', messages: [{ role: 'user', content: 'Why is the sky blue?' }] }
const GOAL = 0.5

interface Row {
  readonly clients: number
  readonly foreman: Closed[]
  readonly bare: number[]
  readonly node: number[]
  readonly rivals: Map<string, number[]>
}

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const settings = { FOREMAN_MAX_QUEUE: '10000000', FOREMAN_MAX_QUEUE_BYTES: '1024GiB' }
  const foreman = await startForeman({ targetPort: target.port, settings })
  await ask(foreman.port, 'POST', '/pause')
  const rivals = await startRivals()
  const rows = CLIENTS.map((clients): Row => ({ clients, foreman: [], bare: [], node: [], rivals: new Map() }))
  const directory = temporaryDirectory()
  const node = await startBareSubmits(join(directory, 'node.db'))
  const request = post(foreman.port, '/jobs', JOB)
  const counter = commitCounter(foreman.db)
  const submits = (connections: number, ms: number) =>
    closedLoad({ ...foreman, request, connections, ms, status: 202, counter })

  await submits(16, TRIAL_MS)
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      const found = await submits(row.clients, TRIAL_MS)
      row.foreman.push(found)
      row.bare.push(await bareRate(join(directory, 'bare.db'), found.perCount))
      const bareLoad = {
        ...node,
        request: post(node.port, '/jobs', JOB),
        connections: row.clients,
        ms: TRIAL_MS,
        status: 202,
      }
      row.node.push((await closedLoad(bareLoad)).rate)
      for (const { name, rate } of rivals.found) {
        row.rivals.set(name, [...(row.rivals.get(name) ?? []), await rate(row.clients, TRIAL_MS)])
      }
    }
  }
  await Promise.all([foreman.child.stop(), target.child.stop(), node.child.stop(), rivals.stop()])
  show(report, rows, rivals)
}

/** Size of the row to write: the body with the `keep_alive` that foreman inserts. */
const STORED_BYTES = Buffer.byteLength(JSON.stringify({ keep_alive: '30m', ...JOB }))

function bareRate(file: string, batch: number): Promise<number> {
  return rateOf([targetScript('bare-commits'), file, ...[batch, STORED_BYTES, TRIAL_MS].map(String)])
}

function show(report: Report, rows: readonly Row[], { found, missing }: Rivals): void {
  const ofBare = ({ foreman, bare }: Row) =>
    median(foreman.map(({ rate }, round) => rate / (bare[round] ?? Number.NaN)))
  report.table(
    [
      'clients',
      'foreman/s',
      'CPU µs per job',
      'jobs per commit',
      'bare/s',
      'of bare',
      'bare Node/s',
      ...found.map(({ name }) => `${name}/s`),
    ],
    rows.map((row) => [
      String(row.clients),
      digits(median(row.foreman.map(({ rate }) => rate))),
      digits(1e6 / median(row.foreman.map(({ perCpuSecond }) => perCpuSecond))),
      digits(median(row.foreman.map(({ perCount }) => perCount))),
      digits(median(row.bare)),
      `${digits(ofBare(row))}×`,
      digits(median(row.node)),
      ...found.map(({ name }) => digits(median(row.rivals.get(name) ?? []))),
    ]),
  )
  for (const line of missing) report.note(`left out: ${line}`)
  for (const row of rows) {
    const ratio = ofBare(row)
    const sentence = `${row.clients} clients: at least ${GOAL} of bare node:sqlite at the same batch size`
    report.goal(sentence, ratio >= GOAL, `${digits(ratio)}×`)
  }
}
