// Bench of webhooks per second at receivers that answer at once, and of their cost for the queue.

import { ask } from './caller.ts'
import { startUntil } from './child.ts'
import { compareDead } from './dead-receivers.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { isIdle, jobRequest, submitAll, until } from './jobs.ts'
import { wait } from './load.ts'
import { cpuSeconds } from './process-cost.ts'
import type { Report } from './report.ts'
import { digits, median } from './statistics.ts'
import { type Listening, startChatTarget, targetScript } from './targets.ts'

const METHOD = `Jobs are submitted while the queue is paused, then the queue is resumed. The target answers each at
  once, and each job sends two webhooks, working and done. The receivers answer 200 at once in a process of their own,
  and count each webhook once by its webhook-id. Webhooks/s: from the resume to the last webhook. Jobs/s: from the
  resume until no job waits or runs. Each trial has its own daemon, and the kinds alternate. Each webhook has its own
  connection, one at a time for each job and four at a time for each receiver.`

const JOBS = 1_500
const EVENTS = ['working', 'done']
/** Receivers; 0 = jobs without a webhook. */
const KINDS = [0, 1, 16]

interface Trial {
  readonly webhooks: number
  readonly jobs: number
  readonly again: number
  readonly cpuMs: number
}

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const found = KINDS.map((): Trial[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, receivers] of KINDS.entries()) found[index]?.push(await measure(target, receivers))
  }
  const row = (receivers: number, trials: readonly Trial[]) => {
    const of = (figure: (trial: Trial) => number) => digits(median(trials.map(figure)))
    const name = receivers === 0 ? 'no webhooks' : `${receivers} receiver${receivers === 1 ? '' : 's'}`
    const webhooks = receivers === 0 ? ['', ''] : [of((trial) => trial.webhooks), of((trial) => trial.again)]
    return [name, ...webhooks, of((trial) => trial.jobs), of((trial) => trial.cpuMs)]
  }
  report.table(
    ['', 'webhooks/s', 'received twice', 'jobs/s', 'CPU ms a job'],
    KINDS.map((receivers, index) => row(receivers, found[index] ?? [])),
  )
  await compareDead(report, target, rounds)
  await target.child.stop()
}

interface Receivers {
  readonly ports: readonly number[]
  stop(): Promise<void>
}

async function startReceivers(count: number): Promise<Receivers> {
  const { child, value: ports } = await startUntil(
    process.execPath,
    [targetScript('receiver'), String(count)],
    (line) => {
      const found = /^listening ([\d ]+)$/.exec(line)
      return found?.[1]?.split(' ').map(Number)
    },
  )
  return { ports, stop: () => child.stop() }
}

interface Arrived {
  readonly webhooks: number
  readonly posts: number
}

async function measure(target: Listening, count: number): Promise<Trial> {
  const foreman = await startForeman({ targetPort: target.port, settings: { FOREMAN_MAX_QUEUE: '100000' } })
  const receivers = await startReceivers(Math.max(1, count))
  const requests = Array.from({ length: JOBS }, (_, index) => {
    const port = receivers.ports[index % receivers.ports.length]
    return jobRequest(foreman.port, count === 0 ? null : { url: `http://127.0.0.1:${port}/hook`, events: EVENTS })
  })
  await ask(foreman.port, 'POST', '/pause')
  await submitAll(foreman.port, requests)
  const trial = await drained(foreman, receivers, count === 0 ? 0 : JOBS * EVENTS.length)
  await Promise.all([foreman.child.stop(), receivers.stop()])
  return trial
}

async function drained(foreman: Foreman, { ports: [port = 0] }: Receivers, expected: number): Promise<Trial> {
  const arrived = async (): Promise<Arrived> => JSON.parse(await ask(port, 'GET', '/'))
  const cpu = cpuSeconds(foreman.pid)
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  await ask(foreman.port, 'POST', '/resume')
  let jobs = Number.NaN
  await until('webhooks', async () => {
    if (Number.isNaN(jobs) && (await isIdle(foreman))) jobs = JOBS / seconds()
    return !Number.isNaN(jobs) && (expected === 0 || (await arrived()).webhooks >= expected)
  })
  const webhooks = expected / seconds()
  const cpuMs = ((cpuSeconds(foreman.pid) - cpu) * 1000) / JOBS
  // Wait a moment for webhooks that arrive twice.
  await wait(200)
  const last = await arrived()
  return { webhooks, jobs, again: last.posts - last.webhooks, cpuMs }
}
