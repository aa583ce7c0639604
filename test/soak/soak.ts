// A soak: one daemon with a heap of 256 MiB under a bounded, mixed load, measured at fixed intervals.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { cpuSeconds, residentMiB } from '../../bench/process-cost.ts'
import { onFreePort } from '../free-port.ts'
import { holdPort } from '../held-port.ts'
import { SeededRandom } from '../proof/seeded-random.ts'
import type { Sample } from './growth.ts'
import type { HeapReport } from './heap-reporter.ts'
import { drawAction, type LoadContext } from './load.ts'
import { EMBEDDER, SoakTarget } from './target.ts'

export interface SoakOptions {
  readonly folder: string
  readonly seed: number
  readonly totalMs: number
  readonly sampleMs: number
  /** From the start of one action to the start of the next. */
  readonly paceMs?: number
  readonly onSample?: (sample: Sample) => void
}

export interface SoakResult {
  readonly samples: readonly Sample[]
  readonly actions: ReadonlyMap<string, number>
  /** Answers that are not allowed. */
  readonly wrong: readonly string[]
  readonly webhooks: number
  /** Null unless the daemon ended before it was stopped. */
  readonly died: string | null
}

const HEAP_MIB = 256
const MIB = 2 ** 20
const MAX_OPEN = 24
const MAX_WRONG = 20

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const sizeMiB = (path: string): number => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) / MIB

async function startReceiver(onWebhook: () => void): Promise<http.Server> {
  const server = http.createServer((req, res) => {
    req.resume().on('end', () => {
      onWebhook()
      res.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { folder, seed, totalMs, sampleMs, paceMs = 150, onSample } = options
  let webhooks = 0
  const target = new SoakTarget()
  const receiver = await startReceiver(() => {
    webhooks += 1
  })
  const database = join(folder, 'foreman.db')
  const dead = await holdPort()
  const settings = {
    FOREMAN_OLLAMA_URL: await target.start(),
    FOREMAN_DB: database,
    FOREMAN_EMBED_MODEL: EMBEDDER,
    FOREMAN_JOB_TTL: '5m',
    FOREMAN_MIN_FREE: '0',
    FOREMAN_LOG_FORMAT: 'json',
    FOREMAN_LOG_LEVEL: 'warn',
  }
  const { daemon, base } = await onFreePort((port) => startListening(folder, settings, port))
  let died: string | null = null
  const exit = once(daemon, 'exit').then(([code, signal]) => {
    died = String(signal ?? code)
  })
  const samples: Sample[] = []
  const actions = new Map<string, number>()
  const wrong: string[] = []
  const open = new Set<Promise<void>>()
  try {
    const random = new SeededRandom(seed)
    const { port } = receiver.address() as AddressInfo
    const deadReceiver = `http://127.0.0.1:${dead.port}/`
    const context: LoadContext = { base, receiver: `http://127.0.0.1:${port}/`, deadReceiver, random }
    const startedAt = performance.now()
    const sample = async (): Promise<void> => {
      const { heapBytes, externalBytes } = await heapOf(daemon)
      const taken = {
        seconds: Math.round((performance.now() - startedAt) / 1000),
        ...{ heap: heapBytes / MIB, external: externalBytes / MIB, resident: residentMiB(daemon.pid ?? 0) },
        ...{ file: sizeMiB(database), log: sizeMiB(`${database}-wal`), cpuSeconds: cpuSeconds(daemon.pid ?? 0) },
      }
      samples.push(taken)
      onSample?.(taken)
    }
    let nextSample = sampleMs
    while (performance.now() - startedAt < totalMs && died === null) {
      if (open.size < MAX_OPEN) {
        const { name, act } = drawAction(random)
        actions.set(name, (actions.get(name) ?? 0) + 1)
        const one: Promise<void> = act(context).then((problem) => {
          if (problem !== null && wrong.length < MAX_WRONG) wrong.push(`${name}: ${problem}`)
          open.delete(one)
        })
        open.add(one)
      }
      if (performance.now() - startedAt >= nextSample) {
        nextSample += sampleMs
        await sample()
      }
      await pause(paceMs)
    }
    await Promise.all(open)
    const ended: string | null = died
    if (ended === null) daemon.kill('SIGTERM')
    await exit
    return { samples, actions, wrong, webhooks, died: ended ?? (died === '0' ? null : died) }
  } finally {
    daemon.kill('SIGKILL')
    await exit
    await target.close()
    receiver.closeAllConnections()
    receiver.close()
    await dead.release()
  }
}

function startDaemon(folder: string, settings: Readonly<Record<string, string>>) {
  const log = openSync(join(folder, 'daemon.log'), 'a')
  const daemon = fork(join(import.meta.dirname, '../../src/cli/main.ts'), ['serve'], {
    cwd: folder,
    execArgv: [
      `--max-old-space-size=${HEAP_MIB}`,
      '--expose-gc',
      '--import',
      join(import.meta.dirname, 'heap-reporter.ts'),
    ],
    env: { PATH: process.env['PATH'], ...settings },
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  return daemon
}

/** Zeros if the daemon ends instead. */
async function heapOf(daemon: ReturnType<typeof startDaemon>): Promise<HeapReport> {
  const either = new AbortController()
  const { signal } = either
  const report = once(daemon, 'message', { signal }).then(([heap]) => heap as HeapReport)
  const end = once(daemon, 'exit', { signal }).then(() => ({ heapBytes: 0, externalBytes: 0 }))
  for (const one of [report, end]) one.catch(() => undefined)
  daemon.send('heap')
  const first = await Promise.race([report, end])
  either.abort()
  return first
}

async function startListening(folder: string, settings: Readonly<Record<string, string>>, port: number) {
  const daemon = startDaemon(folder, { ...settings, FOREMAN_ADDR: `127.0.0.1:${port}` })
  const base = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 1_200 && daemon.exitCode === null; tries++) {
    const isUp = await fetch(`${base}/healthz`).then(
      () => true,
      () => false,
    )
    if (isUp) return { daemon, base }
    await pause(50)
  }
  daemon.kill('SIGKILL')
  throw new Error(`the daemon does not start: ${readFileSync(join(folder, 'daemon.log'), 'utf8').slice(-2_000)}`)
}
