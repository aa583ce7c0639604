// Test harness with the whole daemon: a real database in its own folder, port 0, a real HTTP target, and a clock that the test advances.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { loadConfig } from '../src/daemon/config/load.ts'
import type { Config } from '../src/daemon/config/options.ts'
import { createDaemon, type Daemon } from '../src/daemon/daemon.ts'
import type { Clock } from '../src/daemon/runtime/clock.ts'
import { createLog } from '../src/daemon/runtime/log.ts'
import type { Step } from '../src/daemon/runtime/step.ts'
import type { Lookup } from '../src/daemon/webhooks/dns-cache.ts'
import { get } from './caller.ts'
import type { FakeOllama } from './fake-ollama.ts'
import { TestClock } from './test-clock.ts'

/** The product's defaults on port 0, without a log, and with the changes of a test. */
export function configFor(ollamaUrl: string, db: string, changes: Partial<Config> = {}): Config {
  const loaded = loadConfig({
    flags: {},
    env: { FOREMAN_OLLAMA_URL: ollamaUrl, FOREMAN_ADDR: '127.0.0.1:0', FOREMAN_DB: db, FOREMAN_LOG_LEVEL: 'silent' },
    dotenv: null,
    readFile: () => '',
    machine: { hostname: 'test', addresses: [] },
  })
  if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'))
  return { ...loaded.config, minFree: 0, ...changes }
}

/** Creates a folder and removes it after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface Running {
  readonly daemon: Daemon
  readonly url: string
  readonly config: Config
  readonly clock: TestClock
  /** Its log, one object for each line. */
  readonly logged: readonly Record<string, unknown>[]
}

export interface ForemanOptions {
  readonly config?: Partial<Config>
  /** Default: a stepped clock. */
  readonly clock?: Clock
  readonly db?: string
  readonly onStep?: (step: Step, jobId: string, daemon: Daemon) => void
  /** Default 0.5: no jitter. */
  readonly random?: () => number
  /** Resolves the names of webhook receivers. */
  readonly lookup?: Lookup
}

/** Starts foreman in front of `target`, and stops it after the test. */
export async function startForeman(target: { readonly url: string }, options: ForemanOptions = {}): Promise<Running> {
  const db = options.db ?? join(await temporaryFolder(), 'foreman.db')
  const config = configFor(target.url, db, { logLevel: 'trace', ...options.config })
  const clock = new TestClock()
  const logged: Record<string, unknown>[] = []
  const log = createLog(config, { write: (line) => void logged.push(JSON.parse(line) as Record<string, unknown>) })
  const { onStep, lookup } = options
  const daemon: Daemon = createDaemon(config, {
    clock: options.clock ?? clock,
    log,
    random: options.random ?? (() => 0.5),
    ...(lookup === undefined ? {} : { lookup }),
    ...(onStep === undefined ? {} : { onStep: (step: Step, job: string) => onStep(step, job, daemon) }),
  })
  await daemon.start()
  onTestFinished(async () => {
    void daemon.stop()
    await daemon.stop()
  })
  return { daemon, url: daemon.url, config, clock, logged }
}

/** Waits until `look` returns anything but false, null or undefined. Fails after two minutes. Not for timing. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + 120_000
  for (;;) {
    const seen = await look()
    if (seen !== false && seen !== null && seen !== undefined) return seen as Exclude<T, false | null | undefined>
    if (performance.now() > deadline) throw new Error(`waited two minutes in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/**
 * Advances the clock as in production: everything that one timer starts (a probe, a claim) ends before the next one fires.
 * It does not wait for answers that the fake holds at a gate or never gives.
 */
export async function passTime(
  { clock, url }: Pick<Running, 'clock' | 'url'>,
  fake: FakeOllama,
  ms: number,
): Promise<void> {
  const end = clock.monotonic() + ms
  await quiet(url, fake)
  do {
    clock.advance(Math.min(end - clock.monotonic(), clock.nextIn ?? ms))
    await quiet(url, fake)
  } while (clock.monotonic() < end)
}

/** Resolves when all is idle: the store has answered three times, and the fake got no request meanwhile. */
async function quiet(url: string, fake: FakeOllama): Promise<void> {
  for (let calm = 0, seen = -1; calm < 3; ) {
    await get(url, '/status')
    const isQuiet = fake.log.length === seen && fake.log.every((request) => request.isWorker || request.isOver)
    calm = isQuiet ? calm + 1 : 0
    seen = fake.log.length
  }
}
