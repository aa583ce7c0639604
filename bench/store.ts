// Bench of a long queue: what a claim and an enqueue cost with ten, ten thousand and a million rows waiting. Runs
// alone: `node bench/store.ts`, or `node bench/store.ts --quick`.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NOTHING_RESIDENT, type Residency } from '../src/daemon/domain/affinity.ts'
import type { NewJob } from '../src/daemon/domain/job.ts'
import { openDatabase } from '../src/daemon/sqlite/opening.ts'
import type { ClaimResult, Store } from '../src/daemon/sqlite/store.ts'
import { openStore } from '../src/daemon/sqlite/thread.ts'
import { createReport, type Goal } from './report.ts'
import { digits, median } from './statistics.ts'

/*
 * All three queues are open at the same time and take turns, so that other work of the machine affects all of them alike. A
 * figure is the median of the rounds, and only the ratios count. The jobs are waiting calls: their operations do not wait for
 * the disk, so the figures show the store's own work. AT_ONCE operations are sent in one tick, because the round trip between
 * the threads would otherwise be most of the figure and hide a difference.
 *
 * The rows of the resident affinity are the youngest of the queue, so a claim that scans past other rows is visible at once
 * (ORDER BY (affinity <> ?) took 5 ms at 8 000 rows). After each round the queue is as long as before.
 */
const SIZES = [10, 10_000, 1_000_000]
const AT_ONCE = 5
const ROUNDS = process.argv.includes('--quick') ? 20 : 300
const WARM_UP = 20
/** Ratio up to which two costs count as the same on a busy machine; a scan would cost 10 000 times as much. */
const SAME = 2

const LONG = 'long:latest'
const RESIDENT = 'resident:latest'
const LIMITS = { maxQueue: 10_000_000, maxQueueBytes: 2 ** 40 }

interface Queue {
  readonly rows: number
  readonly store: Store
  /** Microseconds per operation, one value for each round. */
  readonly costs: Record<'claim resident' | 'claim oldest' | 'enqueue', number[]>
}

/** Written by SQL, because a million submits would take longer than the whole bench. */
function fill(path: string, rows: number): void {
  const { db, close } = openDatabase(path)
  db.prepare(`
    INSERT INTO jobs (id, state, caller, endpoint, model, normalised_model, affinity, stream, load_only, body_bytes, fifo_swap, created_at, created_awake)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $rows)
    SELECT 'row-' || n, 'queued', 'live', '/api/chat', 'bench',
      iif(n > $rows - $atOnce, $resident, $long), iif(n > $rows - $atOnce, $resident, $long), 1, 0, 2, 0, n, n
    FROM numbers
  `).run({ rows, atOnce: AT_ONCE, resident: RESIDENT, long: LONG })
  db.exec("INSERT INTO bodies (sequence, body) SELECT sequence, x'7b7d' FROM jobs")
  close()
}

let lastNumber = 0

function newJob(): NewJob {
  lastNumber += 1
  return {
    id: `new-${lastNumber}`,
    caller: 'live',
    endpoint: '/api/chat',
    model: 'bench',
    affinity: LONG,
    stream: true,
    loadOnly: false,
    contentType: null,
    contentEncoding: null,
    body: new Uint8Array(500),
    createdAt: 0,
    createdAwake: 0,
  }
}

const five = <T>(make: () => T): T[] => Array.from({ length: AT_ONCE }, make)

/** Returns the microseconds of each operation in `work`. */
async function timed<T>(costs: number[], work: () => Promise<T>[]): Promise<T[]> {
  const start = performance.now()
  const results = await Promise.all(work())
  costs.push(((performance.now() - start) * 1000) / AT_ONCE)
  return results
}

async function claimRound({ store }: Queue, costs: number[], residency: Residency, affinity: string): Promise<void> {
  const claims = await timed(costs, () => five(() => store.claim({ now: 0, awake: 0, residency, drainLimitMs: 0 })))
  const jobs = claims.map((claim: ClaimResult) => {
    if (claim.kind !== 'claimed' || claim.job.affinity !== affinity) throw new Error('the wrong job was claimed')
    return claim.job
  })
  await Promise.all(jobs.map(({ id }) => store.apply({ id, event: 'unreached', now: 0 })))
}

async function enqueueRound({ store }: Queue, costs: number[]): Promise<void> {
  const jobs = five(newJob)
  await timed(costs, () => jobs.map((job) => store.enqueue(job, LIMITS)))
  const error = { code: 'cancelled', message: '', status: null } as const
  await Promise.all(jobs.map(({ id }) => store.apply({ id, event: 'cancelled', now: 0, error })))
  await store.prune(1, AT_ONCE)
}

async function round(queue: Queue): Promise<void> {
  await claimRound(queue, queue.costs['claim resident'], { affinity: RESIDENT, foreign: [] }, RESIDENT)
  // The youngest five are RESIDENT, so that the oldest five are LONG even with ten rows.
  await claimRound(queue, queue.costs['claim oldest'], NOTHING_RESIDENT, LONG)
  await enqueueRound(queue, queue.costs.enqueue)
}

async function openQueue(folder: string, rows: number): Promise<Queue> {
  const path = join(folder, `${rows}.db`)
  fill(path, rows)
  const onFatal = (error: Error): void => {
    throw error
  }
  const store = await openStore({ path, onFatal })
  return { rows, store, costs: { 'claim resident': [], 'claim oldest': [], enqueue: [] } }
}

async function main(): Promise<number> {
  const goals: Goal[] = []
  const report = createReport('store', goals)
  const folder = await mkdtemp(join(tmpdir(), 'foreman-bench-'))
  const queues: Queue[] = []
  try {
    for (const rows of SIZES) queues.push(await openQueue(folder, rows))
    for (let at = 0; at < WARM_UP + ROUNDS; at += 1) {
      for (const queue of queues) {
        await round(queue)
        if (at === WARM_UP - 1) for (const costs of Object.values(queue.costs)) costs.length = 0
      }
    }
    report.method(
      `waiting calls, ${AT_ONCE} operations in one tick, the queues taking turns, median of ${ROUNDS} rounds; resident rows are the youngest`,
    )
    const [smallest] = queues
    if (smallest === undefined) throw new Error('no queue was measured')
    const ratios = (queue: Queue): { name: string; cost: number; ratio: number }[] =>
      Object.entries(queue.costs).map(([name, costs]) => {
        const first = Object.entries(smallest.costs).find(([other]) => other === name)?.[1] ?? []
        return { name, cost: median(costs), ratio: median(costs) / median(first) }
      })
    const cell = ({ cost, ratio }: { cost: number; ratio: number }): string => `${digits(cost)} µs (${digits(ratio)} ×)`
    report.table(
      ['queued rows', ...Object.keys(smallest.costs)],
      queues.map((queue) => [queue.rows.toLocaleString('en-US').replaceAll(',', ' '), ...ratios(queue).map(cell)]),
    )
    for (const { name, ratio } of queues.at(-1) === undefined ? [] : ratios(queues.at(-1) ?? smallest)) {
      report.goal(
        `${name}: a million rows cost at most ${SAME} times as much as ten`,
        ratio <= SAME,
        `${digits(ratio)} ×`,
      )
    }
  } finally {
    for (const { store } of queues) await store.close()
    await rm(folder, { recursive: true, force: true })
  }
  return goals.every(({ met }) => met) ? 0 : 1
}

process.exit(await main())
