// Bench of the watchers of one job: how much longer a run takes with a hundred watchers, reading or not.

import { connect, type Socket } from 'node:net'
import { ask, Caller, post } from './caller.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { isIdle, until } from './jobs.ts'
import type { Report } from './report.ts'
import { digits, median } from './statistics.ts'
import { type Listening, startChatTarget } from './targets.ts'

const METHOD = `A job of 5 000 records of 200 bytes is submitted while the queue is paused. Then it is watched and the
  queue is resumed; the target writes as fast as foreman reads. Measured: from the resume until no job runs. The kinds
  alternate. A silent watcher reads nothing from its socket after the response headers; the load generator reads for
  the others.`

const CHUNKS = 5_000
const WATCHERS = 100
const KINDS = ['none', 'silent', 'reading'] as const
type Kind = (typeof KINDS)[number]

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const foreman = await startForeman({ targetPort: target.port })
  const found: Record<Kind, number[]> = { none: [], silent: [], reading: [] }
  await measure(foreman, 'none')
  for (let round = 0; round < rounds * 3; round++) {
    for (const kind of KINDS) found[kind].push(await measure(foreman, kind))
  }
  await stop(foreman, target)
  const ratio = (kind: Kind) => median(found[kind]) / median(found.none)
  report.table(
    ['watchers', 'a run', 'ratio'],
    KINDS.map((kind) => [
      kind === 'none' ? 'none' : `${WATCHERS} ${kind}`,
      `${digits(median(found[kind]))} ms`,
      digits(ratio(kind)),
    ]),
  )
  report.goal(
    '100 watchers that read nothing cost a run at most twice its time',
    ratio('silent') <= 2,
    `${digits(ratio('silent'))}×`,
  )
}

async function stop(foreman: Foreman, target: Listening): Promise<void> {
  await Promise.all([foreman.child.stop(), target.child.stop()])
}

/** Milliseconds from the resume to the end of the job. */
async function measure(foreman: Foreman, kind: Kind): Promise<number> {
  await ask(foreman.port, 'POST', '/pause')
  const id = await submit(foreman.port)
  const watchers =
    kind === 'none' ? [] : await Promise.all(Array.from({ length: WATCHERS }, () => watch(foreman.port, id)))
  for (const watcher of watchers) if (kind === 'silent') watcher.pause()
  const started = performance.now()
  await ask(foreman.port, 'POST', '/resume')
  await until('the end of the job', () => isIdle(foreman))
  const took = performance.now() - started
  for (const watcher of watchers) watcher.destroy()
  return took
}

async function submit(port: number): Promise<string> {
  const caller = await Caller.open(port)
  const parts: Buffer[] = []
  const options = { chunks: CHUNKS, chunk_bytes: 200 }
  const messages = [{ role: 'user', content: 'Why is the sky blue?' }]
  await caller.request(post(port, '/jobs', { model: 'bench', messages, options }), (bytes) =>
    parts.push(Buffer.from(bytes)),
  )
  caller.close()
  return (JSON.parse(Buffer.concat(parts).toString()) as { job_id: string }).job_id
}

/** Resolves once the stream has begun. */
async function watch(port: number, id: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.write(`GET /jobs/${id}/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('data', () => resolve())
  socket.on('data', () => {})
  await promise
  return socket
}
