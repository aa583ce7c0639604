// Testbed of a run: one target, one receiver, clients, and a daemon that is started many times with the same port and database.
// What they do is decided in random-kills.ts and the tests.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../free-port.ts'
import { DaemonProcess, type KillPoint } from './daemon-process.ts'
import { type Pace, paceFromNow, wallOf } from './fast-clock.ts'
import { readAllJobs } from './final-jobs.ts'
import { sendRequest } from './http-request.ts'
import { LogicalClock } from './logical-clock.ts'
import type { MutantName } from './mutants.ts'
import type { Kill, LogicalTime, RunHistory } from './run-history.ts'
import { WatchedClients } from './watched-clients.ts'
import { WatchedReceiver } from './watched-receiver.ts'
import { WatchedTarget } from './watched-target.ts'

export const MODELS = ['tiny-a:latest', 'tiny-b:latest', 'tiny-c:latest'] as const
const MAX_ATTEMPTS = 3
const SECRET = 'the secret of the proof which is long enough'
/** Number of tries to start: an outgoing connection of another program may use the port for a moment. */
const STARTS = 5
const LOOK_EVERY_MS = 25
/** Far more than FOREMAN_SHUTDOWN_GRACE on the fast clock. */
const STOP_BOUND_MS = 60_000

export interface TestbedOptions {
  /** For database and logs. */
  readonly folder: string
  readonly speed?: number
  /** See mutants.ts. */
  readonly mutant?: MutantName | null
}

export class Testbed {
  readonly clock = new LogicalClock()
  readonly kills: Kill[] = []
  readonly target: WatchedTarget
  readonly receiver: WatchedReceiver
  readonly clients: WatchedClients
  readonly url: string
  /** The running daemon; null while none runs. */
  daemon: DaemonProcess | null = null
  readonly folder: string
  readonly #mutant: string | null
  readonly #settings: Readonly<Record<string, string>>
  #pace: Pace
  /** When a kill point was set; null without one. */
  #mayDieAt: LogicalTime | null = null

  private constructor(parts: {
    options: TestbedOptions
    pace: { current: Pace }
    clock: LogicalClock
    target: WatchedTarget
    receiver: WatchedReceiver
    port: number
  }) {
    const { options, pace, target, receiver, port } = parts
    this.clock = parts.clock
    this.target = target
    this.receiver = receiver
    this.url = `http://127.0.0.1:${port}`
    this.clients = new WatchedClients(this.url, this.clock)
    this.folder = options.folder
    this.#mutant = options.mutant ?? null
    this.#pace = pace.current
    this.#settings = {
      FOREMAN_OLLAMA_URL: target.url,
      FOREMAN_ADDR: `127.0.0.1:${port}`,
      FOREMAN_DB: join(options.folder, 'foreman.db'),
      FOREMAN_MIN_FREE: '0',
      FOREMAN_KEEP_ALIVE: 'none',
      FOREMAN_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
      FOREMAN_WEBHOOK_SECRET: SECRET,
      FOREMAN_LOG_LEVEL: 'debug',
      FOREMAN_LOG_FORMAT: 'json',
    }
  }

  static async start(options: TestbedOptions): Promise<Testbed> {
    await mkdir(options.folder, { recursive: true })
    const now = Date.now()
    const pace = { current: { speed: options.speed ?? 10, realAt: now, shownAt: now } }
    const clock = new LogicalClock()
    const target = await WatchedTarget.start(clock, MODELS)
    const receiver = await WatchedReceiver.start(clock, SECRET, () => wallOf(testbed.#pace))
    const testbed: Testbed = new Testbed({ options, pace, clock, target, receiver, port: await freePort() })
    return testbed
  }

  /** Starts a daemon on the database that the last one left. Does not wait until it is ready. */
  startDaemon(): DaemonProcess {
    this.#mayDieAt = null
    const orders = { settings: this.#settings, pace: this.#pace, log: join(this.folder, 'daemon.log') }
    this.daemon = new DaemonProcess(orders, this.#mutant)
    return this.daemon
  }

  /** Starts a daemon and waits until it listens. */
  async startReady(): Promise<DaemonProcess> {
    for (let start = 0; start < STARTS; start++) {
      const daemon = this.startDaemon()
      if ((await daemon.ready) === 'ready') return daemon
    }
    throw new Error(`the daemon does not start: ${join(this.folder, 'daemon.log')}`)
  }

  /** Sets the kill point. */
  async arm(daemon: DaemonProcess, killPoint: KillPoint): Promise<void> {
    this.#mayDieAt = this.clock.next()
    await daemon.arm(killPoint)
  }

  /** Sends SIGKILL unless it has exited; resolves when its requests at the target have ended. */
  async kill(daemon: DaemonProcess): Promise<void> {
    const at = this.#mayDieAt ?? this.clock.next()
    await daemon.kill()
    await this.#gone(at)
  }

  /** Sends SIGTERM and waits. The daemon is killed if that takes too long, or kills itself at its kill point. */
  async stop(daemon: DaemonProcess): Promise<void> {
    const at = this.#mayDieAt ?? this.clock.next()
    const bound = setTimeout(() => void daemon.kill(), STOP_BOUND_MS)
    const how = await daemon.stop()
    clearTimeout(bound)
    await this.#gone(at, how === 0 ? 'SIGTERM' : 'SIGKILL', true)
  }

  /** Waits until the daemon has killed itself at its kill point; returns the signal. */
  async killed(daemon: DaemonProcess): Promise<string | number> {
    const how = await daemon.over
    await this.#gone(this.#mayDieAt ?? this.clock.next())
    return how
  }

  async #gone(at: number, signal: Kill['signal'] = 'SIGKILL', isStopping = false): Promise<void> {
    await this.target.idle()
    this.kills.push({ signal, isStopping, at, goneAt: this.clock.next() })
    this.daemon = null
  }

  /** Takes effect at the next start. */
  speedUp(speed: number): void {
    this.#pace = paceFromNow(this.#pace, speed)
  }

  /** Waits until every job has ended and every webhook is delivered or given up. Returns false if that takes longer than `ms`. */
  async idle(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms
    while (performance.now() < deadline) {
      if (await this.#isQuiet()) return true
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
    return false
  }

  async #isQuiet(): Promise<boolean> {
    const metrics = await sendRequest(this.url, { path: '/metrics' })
    if (metrics.kind !== 'answered' || !/^foreman_deliveries_pending 0$/m.test(metrics.body)) return false
    for (const state of ['queued', 'loading', 'working']) {
      const list = await sendRequest(this.url, { path: `/jobs?limit=1&state=${state}` })
      if (list.kind !== 'answered' || !list.body.startsWith('{"jobs":[]')) return false
    }
    return true
  }

  /** Returns all records, with the final document of every job. */
  async history(): Promise<RunHistory> {
    const { submits, calls, readings, cancels, watches } = this.clients
    const finals = await readAllJobs(this.url)
    return {
      ...{ maxAttempts: MAX_ATTEMPTS, kills: this.kills, submits, calls, readings, cancels, watches, finals },
      executions: this.target.executions,
      arrivals: this.receiver.arrivals,
    }
  }

  /** May be called twice. */
  async end(): Promise<void> {
    await this.daemon?.kill()
    await this.target.close()
    await this.receiver.close()
  }
}
