// Bench of a streamed chat through the queue: the same streams, one after another, from the target directly, through
// nginx and through foreman. The turns are so short that a busy machine affects all of them alike.

import { Caller } from './caller.ts'
import { startForeman } from './foreman.ts'
import { microseconds } from './monotonic.ts'
import { startProxy } from './nginx.ts'
import type { Report } from './report.ts'
import { digits, median, quantile } from './statistics.ts'
import { chatRequest, startBareProxy, startChatTarget } from './targets.ts'

const METHOD = `Each record of the answer carries the time (monotonic clock, microseconds) at which the target wrote
  it, so its delay is measured one way, at the client, in one process. Time to first chunk: from writing the request
  to the first record, with short streams one after another on one kept connection. Added: the median minus the direct
  median of the same run. Through foreman, each of these chats is a row that is enqueued, claimed and ended. "Bare
  Node" is the minimal Node proxy (node:http, undici, nothing else).`

/** Short streams per round, for the time to first chunk; those of the warm-up are left out. */
const SHORT = 200
const WARM_UP = 300
/** Streams per round at the pace of a fast model. */
const PACED = { chunks: 60, every_ms: 4 }
const PACED_STREAMS = 5
/** A long stream, to see whether the delay grows with length. */
const LONG = { chunks: 2_500, every_ms: 1 }

const RIVALS = ['direct', 'nginx', 'bare Node', 'foreman'] as const
type Rival = (typeof RIVALS)[number]
type Samples = Record<Rival, number[]>

const empty = (): Samples => ({ direct: [], nginx: [], 'bare Node': [], foreman: [] })

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const nginx = await startProxy(target.port)
  const bare = await startBareProxy(target.port)
  const foreman = await startForeman({ targetPort: target.port })
  const ports = { direct: target.port, nginx: nginx.port, 'bare Node': bare.port, foreman: foreman.port }
  const callers = new Map<Rival, Caller>()
  for (const rival of RIVALS) callers.set(rival, await Caller.open(ports[rival]))
  const caller = (rival: Rival): Caller => callers.get(rival) as Caller

  const first = empty()
  const paced = empty()
  for (let turn = 0; turn < WARM_UP; turn++) {
    for (const rival of RIVALS) await firstChunk(caller(rival), ports[rival])
  }
  for (let turn = 0; turn < rounds * SHORT; turn++) {
    for (const rival of rotated(turn)) first[rival].push(await firstChunk(caller(rival), ports[rival]))
  }
  for (let turn = 0; turn < rounds * PACED_STREAMS; turn++) {
    // The first record includes the time to first chunk, which is measured separately.
    for (const rival of rotated(turn)) paced[rival].push(...(await delays(caller(rival), ports[rival], PACED)).slice(1))
  }
  const growth = empty()
  for (let turn = 0; turn < Math.min(rounds, 3); turn++) {
    for (const rival of rotated(turn)) growth[rival].push(grown(await delays(caller(rival), ports[rival], LONG)))
  }
  const pause = await afterSilence(caller('direct'), ports.direct, caller('foreman'), ports.foreman)

  for (const rival of RIVALS) caller(rival).close()
  await Promise.all([foreman, bare, nginx, target].map(({ child }) => child.stop()))
  print(report, first, paced, growth, pause)
}

const rotated = (round: number): Rival[] => RIVALS.map((_, index) => RIVALS[(index + round) % RIVALS.length] as Rival)

/** Milliseconds from the request to the first record of a short stream. */
async function firstChunk(caller: Caller, port: number): Promise<number> {
  const started = performance.now()
  let firstAt = 0
  await caller.request(chatRequest(port, { chunks: 1 }), () => {
    if (firstAt === 0) firstAt = performance.now()
  })
  return firstAt - started
}

/** Milliseconds from the target's write to our read, of each record of one stream. */
async function delays(caller: Caller, port: number, pace: { chunks: number; every_ms: number }): Promise<number[]> {
  const found: number[] = []
  const status = await caller.request(chatRequest(port, pace), (bytes) => {
    const now = microseconds()
    for (const [, at] of bytes.toString('latin1').matchAll(/"at":([\d.]+),/g)) found.push((now - Number(at)) / 1e3)
  })
  if (status !== 200 || found.length < pace.chunks * 0.99) throw new Error(`status ${status}, ${found.length} records`)
  return found
}

/** Returns the time of the last tenth of a stream's records, divided by that of the first tenth. */
function grown(found: readonly number[]): number {
  const tenth = Math.floor(found.length / 10)
  return median(found.slice(-tenth)) / median(found.slice(0, tenth))
}

/** The first chunk after a second without requests: foreman then probes the target first. */
async function afterSilence(direct: Caller, directPort: number, foreman: Caller, foremanPort: number): Promise<number> {
  const added: number[] = []
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    const through = await firstChunk(foreman, foremanPort)
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    const straight = await firstChunk(direct, directPort)
    added.push(through - straight)
  }
  return median(added)
}

function print(report: Report, first: Samples, paced: Samples, growth: Samples, pause: number): void {
  const added = (samples: Samples, rival: Rival) => median(samples[rival]) - median(samples.direct)
  const ms = (value: number) => `${digits(value)} ms`
  const row = (name: string, value: (rival: Rival) => string): string[] => [name, ...RIVALS.map(value)]
  report.table(
    ['', ...RIVALS],
    [
      row('time to first chunk, median', (rival) => ms(median(first[rival]))),
      row('  99th percentile', (rival) => ms(quantile(first[rival], 0.99))),
      row('  added', (rival) => (rival === 'direct' ? '' : ms(added(first, rival)))),
      row('delay per chunk, median', (rival) => ms(median(paced[rival]))),
      row('  99th percentile', (rival) => ms(quantile(paced[rival], 0.99))),
      row('  added', (rival) => (rival === 'direct' ? '' : ms(added(paced, rival)))),
      row(`last tenth ÷ first tenth of ${LONG.chunks} chunks`, (rival) => digits(median(growth[rival]))),
      ['first chunk after a silent second, added', '', '', '', ms(pause)],
    ],
  )
  const firstAdded = added(first, 'foreman')
  report.goal('median added time to first chunk at most 1 ms', firstAdded <= 1, ms(firstAdded))
  const ratio = added(paced, 'foreman') / added(paced, 'nginx')
  const bare = added(paced, 'bare Node') / added(paced, 'nginx')
  const was = `${digits(ratio)}×, bare Node ${digits(bare)}×`
  report.goal("added delay per chunk within 2× of nginx's", ratio <= 2, was)
  const growthRatio = median(growth.foreman) / median(growth.direct)
  report.goal(
    'the delay does not grow with length',
    growthRatio <= 1.25,
    `${digits(growthRatio)}× of the direct figure`,
  )
}
