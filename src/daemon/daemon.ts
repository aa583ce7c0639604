// The daemon: creates, starts and stops its parts. It makes no decision of its own.

import { randomBytes, randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { monotonicFactory } from 'ulid'
import type { Config } from './config/options.ts'
import type { HttpContext, Phase } from './http/context.ts'
import { LiveCallers } from './http/ollama/live.ts'
import { createServer, probeAddress } from './http/server.ts'
import { createTarget } from './ollama/send.ts'
import type { Clock } from './runtime/clock.ts'
import { AwakeClock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'
import { Metrics } from './runtime/metrics.ts'
import { Relay } from './runtime/relay.ts'
import type { OnStep } from './runtime/step.ts'
import { Deadlines } from './services/deadlines.ts'
import { Deliverer } from './services/deliverer.ts'
import { Disk } from './services/disk.ts'
import { Dispatcher } from './services/dispatcher.ts'
import { ModelCatalogue } from './services/model-catalogue.ts'
import { Prober } from './services/prober.ts'
import { Pruner } from './services/pruner.ts'
import { type Store, StoreOpenError } from './sqlite/store.ts'
import { openStore } from './sqlite/thread.ts'
import type { Lookup } from './webhooks/dns-cache.ts'
import { createPolicySource } from './webhooks/policy-source.ts'
import { createWebhooks } from './webhooks/post.ts'

/** Enough to restore the averages: the last jobs weigh most. */
const PAST_RUNS = 1_000

export interface DaemonDeps {
  readonly clock: Clock
  readonly log: Log
  /** 0 ≤ random < 1. */
  readonly random?: () => number
  /** Called at each step of a job, for tests that kill the daemon there. */
  readonly onStep?: OnStep
  /** Resolver of webhook receivers' names, instead of the system's, for tests in which a name changes its address. */
  readonly lookup?: Lookup
}

/** Why a daemon could not start. Exit codes (sysexits): 69 port taken, 70 storage, 75 second instance. */
export class StartError extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode: number, cause: unknown) {
    super(message, { cause })
    this.name = 'StartError'
    this.exitCode = exitCode
  }
}

export interface Daemon {
  /** Opens the database, recovers jobs that a crash interrupted, and opens the port. Rejects with StartError. */
  start(): Promise<void>
  /**
   * Accepts nothing new, gives the running job FOREMAN_SHUTDOWN_GRACE, and saves everything. A second call ends the
   * running job at once.
   */
  stop(): Promise<void>
  /** The URL at which it listens, once started. */
  readonly url: string
  /** Resolves with the exit code when the daemon ends, by stop() (0) or by itself (70). */
  readonly exited: Promise<number>
}

export function createDaemon(config: Config, deps: DaemonDeps): Daemon {
  const { clock, log, random = Math.random, onStep = () => {}, lookup } = deps
  const { promise: exited, resolve: exit } = Promise.withResolvers<number>()
  // ulid's own source makes a system call for each character: 32 µs for an id. randomInt reads from a buffer.
  const ulid = monotonicFactory(() => randomInt(2 ** 32) / 2 ** 32)
  type Parts = ReturnType<typeof assemble>
  let parts: Parts | null = null
  let stopping: Promise<void> | null = null

  async function start(): Promise<void> {
    // Checked before the database is created, so that a taken port leaves no database behind. Opening an existing
    // database shows first whether it is in use.
    if (!existsSync(config.db)) await probeAddress(config)
    const { db, minFree } = config
    const disk = new Disk({ clock, log, db, minFree, checkFiles: () => parts?.store.checkFiles() })
    const store = await openStore({
      path: config.db,
      onFatal: (error) => void failed(error),
      onStorageFull: (full) => disk.storeSays(full),
    }).catch((error: unknown) => {
      throw new StartError(String(error instanceof Error ? error.message : error), exitCodeOf(error), error)
    })
    const recovery = await store.recover(clock.now(), config.maxAttempts)
    log.info(recovery, 'database open')
    const remembered = await store.queueState()
    const runs = await store.pastRuns(PAST_RUNS)
    parts = assemble(store, disk, remembered.awake)
    try {
      await disk.start()
      const { port } = await parts.server.listen()
      parts.state.port = port
    } catch (error) {
      disk.stop()
      await store.close()
      throw error
    }
    parts.state.phase = 'ready'
    // The process that made these attempts could not count them.
    parts.metrics.add('attempts', recovery.requeued, { outcome: 'recovered' })
    parts.metrics.add('attempts', recovery.failed, { outcome: 'attempts_exhausted' })
    parts.metrics.start()
    // Before the first claim: jobs that became overdue during the downtime must not be sent.
    await parts.deadlines.start()
    parts.dispatcher.start(remembered, runs)
    parts.prober.start()
    parts.pruner.start()
    parts.deliverer.start()
    log.info({ url: url(), target: config.ollamaUrl }, 'foreman is listening')
  }

  function assemble(store: Store, disk: Disk, awakeBase: number) {
    const state = { phase: 'starting' as Phase, port: 0 }
    const metrics = new Metrics()
    const hop = randomBytes(12).toString('base64url')
    const relay = new Relay()
    const awake = new AwakeClock(clock, awakeBase)
    const target = createTarget({
      url: config.ollamaUrl,
      token: config.ollamaToken,
      basic: config.ollamaBasic,
      embedConcurrency: config.embedConcurrency,
      clock,
      log,
      hop,
    })
    const isQuiet = () => store.depth.jobs === 0 && dispatcher.running === null
    const isPaused = () => dispatcher.paused
    const common = { clock, log, metrics, store, onStep }
    const prober: Prober = new Prober({ ...common, config, target, awake, isQuiet, isPaused })
    const models = new ModelCatalogue(target, log, config.embedModel)
    const policy = createPolicySource({ config, clock, log, port: () => state.port })
    const webhooks = createWebhooks({ clock, policy, ...(lookup === undefined ? {} : { lookup }) })
    const { webhookSecrets: keys, publicUrl } = config
    const deliverer = new Deliverer({ ...common, random, webhooks, keys, publicUrl })
    const queueParts = { ...common, config, relay, prober, awake }
    const dispatcher: Dispatcher = new Dispatcher({ ...queueParts, random, target, deliverer, aliases: models })
    const deadlines = new Deadlines({ clock, log, store, dispatcher })
    prober.onStatus((status) => models.saw(status))
    prober.onStatus(({ reachable, inventory }) => {
      if (inventory !== null) dispatcher.sawResident(inventory.resident.map(({ name }) => name))
      if (reachable === true) dispatcher.wake()
    })
    const newId = () => ulid(clock.now())
    const live = new LiveCallers({ ...queueParts, newId, dispatcher, disk })
    const pruner = new Pruner({ clock, log, store, ttlMs: config.jobTtlMs })
    const context: HttpContext = {
      ...queueParts,
      target,
      dispatcher,
      live,
      deliverer,
      deadlines,
      disk,
      hop,
      newId: () => {
        const id = newId()
        onStep('admitted', id)
        return id
      },
      webhookPolicy: policy,
      knownModel: (model) => models.of(model),
      get phase() {
        return state.phase
      },
    }
    metrics.watch(context)
    const services = { disk, models, prober, dispatcher, deadlines, deliverer, pruner }
    return { state, store, metrics, relay, target, live, ...services, server: createServer(context) }
  }

  function url(): string {
    const { host } = config.addr
    const name = host === '' || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    return `http://${name.includes(':') ? `[${name}]` : name}:${parts?.state.port ?? config.addr.port}`
  }

  /**
   * The outcome of a commit is unknown, or the database file is damaged: admit and change nothing; recovery at the next
   * start decides.
   */
  async function failed(error: Error): Promise<void> {
    log.fatal(`${error.message}; foreman stops, and the next start recovers from the database`)
    // Nothing can be saved any more, so a stop has only this end to wait for.
    stopping ??= exited.then(() => {})
    if (parts !== null) {
      parts.state.phase = 'stopping'
      parts.disk.stop()
      parts.metrics.stop()
      await parts.server.close()
    }
    exit(70)
  }

  async function drain(running: Parts): Promise<void> {
    const { state, store, target, dispatcher } = running
    state.phase = 'stopping'
    log.debug({ graceMs: config.shutdownGraceMs }, 'stopping')
    running.disk.stop()
    running.metrics.stop()
    const dispatched = dispatcher.stop(config.shutdownGraceMs)
    const { live, deadlines, prober, models, pruner } = running
    await Promise.all([live.stop(), dispatched, deadlines.stop(), prober.stop(), models.stop(), pruner.stop()])
    // Webhooks of the last job were tried until now. The others are sent after the next start.
    await running.deliverer.stop()
    await store.interruptAll(clock.now())
    running.relay.stop()
    await running.server.close()
    await store.close()
    await target.close()
    log.info('stopped')
    exit(0)
  }

  return {
    start,
    stop() {
      if (stopping !== null && parts !== null) {
        parts.dispatcher.stopAtOnce()
        // Requests to a sleeping target wait for their deadline; their answers are not needed any more.
        void parts.target.close()
      }
      stopping ??= parts === null ? Promise.resolve(exit(0)) : drain(parts)
      return stopping
    },
    get url() {
      return url()
    },
    exited,
  }
}

const exitCodeOf = (error: unknown): number => (error instanceof StoreOpenError && error.reason === 'in_use' ? 75 : 70)
