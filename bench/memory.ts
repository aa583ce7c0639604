// Bench of the memory of the daemon: idle, with a thousand waiting callers, while a caller reads a large answer slowly,
// and with a long queue on disk.

import { join } from 'node:path'
import { Caller } from './caller.ts'
import { temporaryDirectory } from './child.ts'
import { startForeman } from './foreman.ts'
import { openCallers, wait } from './load.ts'
import { peakMiB, residentMiB } from './process-cost.ts'
import { fillDatabase } from './queued-rows.ts'
import type { Report } from './report.ts'
import { digits } from './statistics.ts'
import { chatRequest, startChatTarget } from './targets.ts'

const METHOD = `Resident memory of the process (VmRSS, and its highest value VmHWM) from /proc, once it has not
  changed for a second. Each state has its own daemon. Waiting callers wait behind one job that the target never
  answers. The slow reader reads a 200 MB answer at about 40 MB/s and stops for a second in the middle; the target
  sends as fast as it is read. The long queue is written before the start.`

const CALLERS = 1_000
const QUEUED = 100_000
const ANSWER_CHUNKS = 3_200
const CHUNK_BYTES = 65_536
/** Bytes that the slow reader reads before it pauses for `REST_MS`. */
const SIP = 1_000_000
const REST_MS = 25

interface Seen {
  readonly now: number
  readonly peak: number
}

export async function run(report: Report): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const idle = await withDaemon(target.port, {}, async () => {})
  const waiting = await withDaemon(target.port, { FOREMAN_MAX_QUEUE: '2000' }, (port) => startWaitingCallers(port))
  const slow = await withDaemon(target.port, {}, (port) => readSlowly(port))
  const db = join(temporaryDirectory(), 'foreman.db')
  await fillDatabase(db, QUEUED)
  const long = await withDaemon(target.port, { FOREMAN_MAX_QUEUE: '1000000', FOREMAN_DB: db }, async () => {})
  await target.child.stop()

  const row = (name: string, { now, peak }: Seen, each = '') => [
    name,
    `${digits(now)} MiB`,
    `${digits(peak)} MiB`,
    `${digits(now / idle.now)}×`,
    each,
  ]
  const kib = (seen: Seen, count: number) => `${digits(((seen.now - idle.now) * 1024) / count)} KiB`
  report.table(
    ['', 'resident', 'peak', 'of idle', 'each'],
    [
      row('idle', idle),
      row(`${CALLERS} waiting callers`, waiting, kib(waiting, CALLERS)),
      row('a slow reader of 200 MB, right after', slow),
      row(`${digits(QUEUED)} queued jobs`, long, kib(long, QUEUED)),
    ],
  )
  const slowPeak = slow.peak - idle.peak
  report.goal(
    'a slow reader does not fill the memory (peak less than 50 MiB over idle)',
    slowPeak < 50,
    `${digits(slowPeak)} MiB`,
  )
}

async function withDaemon(
  targetPort: number,
  settings: Readonly<Record<string, string>>,
  act: (port: number) => Promise<unknown>,
): Promise<Seen> {
  const foreman = await startForeman({ targetPort, settings })
  await act(foreman.port)
  await settled(foreman.pid)
  const seen = { now: residentMiB(foreman.pid), peak: peakMiB(foreman.pid) }
  await foreman.child.stop()
  return seen
}

async function settled(pid: number): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    const before = residentMiB(pid)
    await wait(1_000)
    if (Math.abs(residentMiB(pid) - before) < 0.5) return
  }
}

/** One call that the target never answers, and CALLERS calls behind it. Their connections end with the daemon. */
async function startWaitingCallers(port: number): Promise<void> {
  const callers = await openCallers(port, CALLERS + 1)
  for (const caller of callers) caller.send(chatRequest(port, { hold: true }), { end: () => {} })
}

async function readSlowly(port: number): Promise<void> {
  const caller = await Caller.open(port)
  const { socket } = caller
  let sincePause = 0
  let total = 0
  let halfway = false
  const rest = (ms: number) => {
    socket.pause()
    setTimeout(() => socket.resume(), ms)
  }
  const status = await caller.request(
    chatRequest(port, { chunks: ANSWER_CHUNKS, chunk_bytes: CHUNK_BYTES }),
    (bytes) => {
      total += bytes.length
      sincePause += bytes.length
      const isHalf = !halfway && total > (ANSWER_CHUNKS * CHUNK_BYTES) / 2
      if (isHalf) halfway = true
      if (isHalf || sincePause > SIP) {
        sincePause = 0
        rest(isHalf ? 1_000 : REST_MS)
      }
    },
  )
  caller.close()
  if (status !== 200 || total < ANSWER_CHUNKS * CHUNK_BYTES) throw new Error(`status ${status}, ${total} bytes`)
}
