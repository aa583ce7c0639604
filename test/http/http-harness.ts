// Test harness for HTTP: the real server, routes, target module and metrics, with stand-ins for store, queue, prober and waiting calls,
// and a clock that the test advances.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import type { Config } from '../../src/daemon/config/options.ts'
import { NOTHING_RESIDENT } from '../../src/daemon/domain/affinity.ts'
import { RunTimes } from '../../src/daemon/domain/eta.ts'
import { readInventory } from '../../src/daemon/domain/inventory.ts'
import type { Submission } from '../../src/daemon/domain/job.ts'
import type { Backlog } from '../../src/daemon/domain/load-counters.ts'
import { type TargetStatus, UNKNOWN_TARGET } from '../../src/daemon/domain/target-status.ts'
import type { HttpContext, Phase } from '../../src/daemon/http/context.ts'
import { createServer, LIMITS, type ServerLimits } from '../../src/daemon/http/server.ts'
import { createTarget } from '../../src/daemon/ollama/send.ts'
import { AwakeClock } from '../../src/daemon/runtime/clock.ts'
import { createLog } from '../../src/daemon/runtime/log.ts'
import { Metrics } from '../../src/daemon/runtime/metrics.ts'
import { Relay } from '../../src/daemon/runtime/relay.ts'
import type { RunningJob } from '../../src/daemon/services/attempt-run.ts'
import type { Store } from '../../src/daemon/sqlite/store.ts'
import { createAddressPolicy } from '../../src/daemon/webhooks/address-policy.ts'
import { configFor } from '../harness.ts'
import { TestClock } from '../test-clock.ts'

/** What a test may set and look at. */
export interface HttpHarness {
  readonly url: string
  readonly port: number
  readonly clock: TestClock
  readonly app: HttpContext
  /** Submissions that reached the queue. */
  readonly submitted: Submission[]
  /** Why the prober was called, in order. */
  readonly probed: string[]
  readonly logged: string[]
  status: TargetStatus
  phase: Phase
  running: RunningJob | null
  backlog: readonly Backlog[]
  close(): Promise<void>
}

/** The harness's id in the hop header. */
export const HOP = 'hop-of-the-harness'

export interface HttpHarnessOptions {
  readonly config?: Partial<Config>
  readonly limits?: Partial<ServerLimits>
  /** What a waiting call is answered. Default: 200 and the length of its body. */
  readonly live?: (req: IncomingMessage, res: ServerResponse, submission: Submission) => void
}

const NOWHERE = { names: [], addresses: [], port: 0, listensEverywhere: false }

/** Starts it in front of `target`; ended after the test. */
export async function startHttpHarness(
  target: { readonly url: string },
  options: HttpHarnessOptions = {},
): Promise<HttpHarness> {
  const config = configFor(target.url, 'unused.db', { logLevel: 'trace', ...options.config })
  const clock = new TestClock()
  const logged: string[] = []
  const log = createLog(config, { write: (line) => void logged.push(line) })
  const metrics = new Metrics()
  const real = createTarget({
    url: target.url,
    token: config.ollamaToken,
    basic: config.ollamaBasic,
    clock,
    log,
    embedConcurrency: config.embedConcurrency,
    hop: HOP,
  })
  const submitted: Submission[] = []
  const probed: string[] = []
  const state = {
    status: { ...UNKNOWN_TARGET, reachable: true },
    phase: 'ready' as Phase,
    running: null as RunningJob | null,
  }
  let backlog: readonly Backlog[] = []
  let paused = false
  const store = {
    depth: { jobs: 3, bytes: 300 },
    swaps: { swaps: 2, fifoSwaps: 7 },
    backlog: () => Promise.resolve(backlog),
    queueView: () => Promise.resolve({ swappedAwake: 0, swappedAt: null, oldest: null, firsts: [] }),
    pendingDeliveries: () => Promise.resolve(0),
    countByState: () => Promise.resolve({ queued: 3, loading: 0, working: 1, done: 9, failed: 1, cancelled: 0 }),
  } satisfies Partial<Store>
  const app: HttpContext = {
    ...{ config, clock, log, metrics, target: real },
    disk: { full: false, freeBytes: 5_000, databaseBytes: 4_096 },
    ...{ relay: new Relay(), awake: new AwakeClock(clock, 0), newId: () => '01KAJ5Z0000000000000000000', hop: HOP },
    ...{ deliverer: { wake: () => {} }, deadlines: { wake: () => {} } },
    webhookPolicy: () => createAddressPolicy(config, NOWHERE, NOWHERE, { names: [], addresses: [] }),
    // The HTTP server reads these and writes nothing; anything else it called would throw.
    store: store as unknown as Store,
    prober: {
      get status() {
        return state.status
      },
      probe: (reason) => {
        probed.push(reason)
        return Promise.resolve(state.status)
      },
      soon: (reason) => void probed.push(reason),
      slotsTooFew: false,
    },
    dispatcher: {
      get paused() {
        return paused
      },
      pausing: {
        get current() {
          return paused ? { since: clock.now(), until: null, forMs: null, unload: false } : null
        },
        report: null,
        unloadReported: async () => {},
        pause: async () => {
          paused = true
        },
        resume: async () => {
          paused = false
        },
      },
      get running() {
        return state.running
      },
      loads: { predicted: 3, happened: 4, unforeseen: 1 },
      residency: NOTHING_RESIDENT,
      get condition() {
        const pause = paused ? { since: clock.now(), until: null } : null
        const { job } = state.running ?? { job: null }
        const running = job === null ? null : { jobId: job.id, since: job.claimedAt ?? 0 }
        const held = { storageFullSince: null, unreachableSince: null, swappedAt: null, idleSince: null }
        return { now: clock.now(), pause, running, ...held }
      },
      runTimes: new RunTimes(),
      answerSoFar: () => null,
      cancel: () => Promise.resolve('unknown'),
      enqueued: () => {},
      wake: () => {},
    },
    knownModel: () => null,
    live: {
      waiting: 4,
      handle(req, res, submission) {
        submitted.push(submission)
        if (options.live !== undefined) options.live(req, res, submission)
        else res.writeHead(200, { 'Content-Type': 'text/plain' }).end(String(submission.body.length))
        return Promise.resolve(null)
      },
    },
    get phase() {
      return state.phase
    },
  }
  metrics.watch(app)
  const server = createServer(app, { ...LIMITS, ...options.limits })
  const { port } = await server.listen()
  const close = async (): Promise<void> => {
    const closed = server.close()
    clock.advance(60_000)
    await closed
    await real.close()
  }
  onTestFinished(close)
  return {
    ...{ url: `http://127.0.0.1:${port}`, port, clock, app, submitted, probed, logged, close },
    get status() {
      return state.status
    },
    set status(status) {
      state.status = status as typeof state.status
    },
    get phase() {
      return state.phase
    },
    set phase(phase) {
      state.phase = phase
    },
    get running() {
      return state.running
    },
    set running(running) {
      state.running = running
    },
    get backlog() {
      return backlog
    },
    set backlog(jobs) {
      backlog = jobs
    },
  }
}

/** As Ollama 0.17.4 wrote them (recorded). */
export const TAGS =
  '{"models":[{"name":"tiny-a:latest","model":"tiny-a:latest","modified_at":"2026-11-21T03:13:18.092940027Z","size":611291,"digest":"0d70c30dc15cc48ce4717f0bbded8a5ce51151f653ad3f73ea32fdb520f1f96a","details":{"parent_model":"","format":"gguf","family":"llama","families":["llama"],"parameter_size":"149K","quantization_level":"unknown"}},{"name":"hf.co/some/thing:Q4","model":"hf.co/some/thing:Q4","modified_at":"2026-11-21T04:13:18.5+01:00","size":1,"digest":"ab3be19d6c2d29bcc9d9b0c053769f17a9717957cb01e843a6ec5d31de5793a7","details":{}}]}'
export const PS =
  '{"models":[{"name":"tiny-a:latest","model":"tiny-a:latest","size":1511680,"digest":"0d70c30dc15cc48ce4717f0bbded8a5ce51151f653ad3f73ea32fdb520f1f96a","details":{"parent_model":"","format":"gguf","family":"llama","families":["llama"],"parameter_size":"149K","quantization_level":"unknown"},"expires_at":"2026-11-21T03:18:53.925897528Z","size_vram":0,"context_length":2048}]}'

/** A target that answered a probe at `probedAt`, with the documents above. */
export function knownTarget(probedAt: number, changes: Partial<TargetStatus> = {}, version = '0.17.4'): TargetStatus {
  const snapshot = { tags: Buffer.from(TAGS), ps: Buffer.from(PS), version }
  const inventory = readInventory(snapshot, probedAt, Date.UTC(2026, 0, 6, 12))
  return { reachable: true, since: 0, reason: null, inventory, ...changes }
}
