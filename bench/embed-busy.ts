// Bench of embeddings while the queue is filled: the same load without and with a thousand jobs enqueued per second, in
// one daemon.

import { ask, post } from './caller.ts'
import { embeddingRequest } from './canned-embedding.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { atRate, closedLoad, openCallers, openLoad } from './load.ts'
import type { Nginx } from './nginx.ts'
import type { Report } from './report.ts'
import { digits, median, quantile } from './statistics.ts'

const METHOD = `The queue is paused, and a thousand chats a second arrive on connections opened beforehand; each
  becomes a row in the database. Meanwhile embeddings are sent at a fixed rate on 16 connections, timed from when each
  was due, and then as fast as 16 connections get answers. Each round has its own daemon and measures first without
  jobs, then with them. At full speed both loads share one thread and one load generator, so that figure leaves out
  part of the cost of the jobs.`

const MS = 2_000
const JOBS_PER_SECOND = 1_000
const RATE = 1_000
const CONNECTIONS = 16
/** Ratio up to which two figures count as equal on a shared machine. */
const TOLERANCE = 1.15

interface Round {
  readonly quiet: { readonly times: number[]; readonly rate: number }
  readonly busy: { readonly times: number[]; readonly rate: number }
  readonly queued: number
}

export async function compareBusy(report: Report, target: Nginx, rounds: number): Promise<void> {
  report.note('')
  report.method(METHOD)
  const found: Round[] = []
  for (let round = 0; round < rounds; round++) found.push(await measure(target))
  const both = (figure: (one: Round['quiet']) => number) => [
    median(found.map(({ quiet }) => figure(quiet))),
    median(found.map(({ busy }) => figure(busy))),
  ]
  const row = (name: string, figure: (one: Round['quiet']) => number, unit: string) => {
    const [quiet = Number.NaN, busy = Number.NaN] = both(figure)
    return [name, `${digits(quiet)}${unit}`, `${digits(busy)}${unit}`, `${digits(busy / quiet)}×`]
  }
  report.table(
    ['', 'queue quiet', `${JOBS_PER_SECOND} jobs/s`, 'ratio'],
    [
      row(`${RATE} embeddings/s: median`, ({ times }) => median(times), ' ms'),
      row('  99th percentile', ({ times }) => quantile(times, 0.99), ' ms'),
      row('at the limit: requests/s', ({ rate }) => rate, ''),
    ],
  )
  const [quiet = 0, busy = 0] = both(({ times }) => median(times))
  const limit = median(found.map((round) => round.busy.rate / round.quiet.rate))
  const rows = `${digits(median(found.map(({ queued }) => queued)))} rows`
  const sentence = `not slower while ${JOBS_PER_SECOND} jobs a second are enqueued`
  report.goal(`${sentence}, median at ${RATE}/s`, busy / quiet <= TOLERANCE, `+${digits(busy - quiet)} ms, ${rows}`)
  report.goal(`${sentence}, at the limit`, limit >= 1 / TOLERANCE, `${digits(limit)}×`)
}

async function measure(target: Nginx): Promise<Round> {
  const settings = { FOREMAN_MAX_QUEUE: '100000', FOREMAN_HEARTBEAT: '0' }
  const foreman = await startForeman({ targetPort: target.port, settings })
  await ask(foreman.port, 'POST', '/pause')
  const request = embeddingRequest(foreman.port)
  const paced = () => openLoad({ port: foreman.port, request, connections: CONNECTIONS, rate: RATE, ms: MS })
  const limit = () => closedLoad({ ...foreman, request, connections: CONNECTIONS, ms: MS })
  await limit()
  const quiet = { times: await paced(), rate: (await limit()).rate }
  const fills = [await readyFill(foreman, MS), await readyFill(foreman, MS + 300)]
  const [first, second] = fills
  const times = await during(first?.start(), paced)
  const { rate } = await during(second?.start(), limit)
  const queued = await waiting(foreman)
  await foreman.child.stop()
  for (const fill of fills) fill.close()
  return { quiet, busy: { times, rate }, queued }
}

async function during<T>(fill: Promise<void> | undefined, measured: () => Promise<T>): Promise<T> {
  const [result] = await Promise.all([measured(), fill])
  return result
}

/** Waiting callers with open connections, because opening them is not part of the measurement. */
async function readyFill(foreman: Foreman, ms: number): Promise<{ start(): Promise<void>; close(): void }> {
  const count = Math.floor((JOBS_PER_SECOND * ms) / 1000)
  const callers = await openCallers(foreman.port, count)
  const request = post(foreman.port, '/api/chat', {
    model: 'bench',
    messages: [{ role: 'user', content: 'Why is the sky blue? '.repeat(20) }],
  })
  let next = 0
  return {
    start: () => atRate(JOBS_PER_SECOND, count, () => callers[next++]?.send(request, { end: () => {} })),
    close: () => {
      for (const caller of callers) caller.close()
    },
  }
}

async function waiting(foreman: Foreman): Promise<number> {
  const status: { queue: { waiting: number } } = JSON.parse(await ask(foreman.port, 'GET', '/status'))
  return status.queue.waiting
}
