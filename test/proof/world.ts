// Owns what a run consists of: one target, one receiver, clients, and a daemon that lives many times on one port and one
// database. It decides nothing about who does what; storm.ts and the tests do.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../ollama/free-port.ts'
import { type Pace, paceFromNow, wallOf } from './fast-clock.ts'
import type { History, Kill, Moment } from './history.ts'
import { readEverything } from './last-reading.ts'
import { type Fatal, Life } from './life.ts'
import { ask } from './line.ts'
import { Moments } from './moments.ts'
import type { PlantName } from './plants.ts'
import { WatchedClients } from './watched-clients.ts'
import { WatchedReceiver } from './watched-receiver.ts'
import { WatchedTarget } from './watched-target.ts'

export const MODELS = ['tiny-a:latest', 'tiny-b:latest', 'tiny-c:latest'] as const
const MAX_ATTEMPTS = 3
const SECRET = 'the secret of the proof which is long enough'
/** A life that never comes up: its port may be taken for a moment by somebody's outgoing connection. */
const STARTS = 5
const LOOK_EVERY_MS = 25
/** Far more than FOREMAN_SHUTDOWN_GRACE on the fast clock. */
const STOP_BOUND_MS = 60_000

export interface WorldWishes {
  /** Where database and logs go; it must be there. */
  readonly folder: string
  readonly speed?: number
  /** See planting.ts. */
  readonly plant?: PlantName | null
}

export class World {
  readonly moments = new Moments()
  readonly kills: Kill[] = []
  readonly target: WatchedTarget
  readonly receiver: WatchedReceiver
  readonly clients: WatchedClients
  readonly url: string
  /** The daemon that lives now. */
  life: Life | null = null
  readonly folder: string
  readonly #plant: string | null
  readonly #settings: Readonly<Record<string, string>>
  #pace: Pace
  /** Since when it may kill itself. */
  #mayDieAt: Moment | null = null

  private constructor(parts: {
    wishes: WorldWishes
    pace: { current: Pace }
    moments: Moments
    target: WatchedTarget
    receiver: WatchedReceiver
    port: number
  }) {
    const { wishes, pace, target, receiver, port } = parts
    this.moments = parts.moments
    this.target = target
    this.receiver = receiver
    this.url = `http://127.0.0.1:${port}`
    this.clients = new WatchedClients(this.url, this.moments)
    this.folder = wishes.folder
    this.#plant = wishes.plant ?? null
    this.#pace = pace.current
    this.#settings = {
      FOREMAN_OLLAMA_URL: target.url,
      FOREMAN_ADDR: `127.0.0.1:${port}`,
      FOREMAN_DB: join(wishes.folder, 'foreman.db'),
      FOREMAN_MIN_FREE: '0',
      FOREMAN_KEEP_ALIVE: 'none',
      FOREMAN_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
      FOREMAN_WEBHOOK_SECRET: SECRET,
      FOREMAN_LOG_LEVEL: 'debug',
      FOREMAN_LOG_FORMAT: 'json',
    }
  }

  static async start(wishes: WorldWishes): Promise<World> {
    await mkdir(wishes.folder, { recursive: true })
    const now = Date.now()
    const pace = { current: { speed: wishes.speed ?? 10, realAt: now, shownAt: now } }
    const moments = new Moments()
    const target = await WatchedTarget.start(moments, MODELS)
    const receiver = await WatchedReceiver.start(moments, SECRET, () => wallOf(world.#pace))
    const world: World = new World({ wishes, pace, moments, target, receiver, port: await freePort() })
    return world
  }

  /** Starts a daemon, on what the last one left. It may not be ready yet. */
  begin(): Life {
    this.#mayDieAt = null
    const orders = { settings: this.#settings, pace: this.#pace, log: join(this.folder, 'daemon.log') }
    this.life = new Life(orders, this.#plant)
    return this.life
  }

  /** Starts one that takes calls. */
  async up(): Promise<Life> {
    for (let start = 0; start < STARTS; start++) {
      const life = this.begin()
      if ((await life.ready) === 'ready') return life
    }
    throw new Error(`the daemon does not start: ${join(this.folder, 'daemon.log')}`)
  }

  /** From now on it kills itself there. */
  async arm(life: Life, fatal: Fatal): Promise<void> {
    this.#mayDieAt = this.moments.next()
    await life.arm(fatal)
  }

  /** SIGKILL, if it is not dead yet, and what it had open at the target has been seen to end. */
  async kill(life: Life): Promise<void> {
    const at = this.#mayDieAt ?? this.moments.next()
    await life.kill()
    await this.#gone(at)
  }

  /** SIGTERM: the daemon finishes what it can in its grace. It is killed if that takes too long, or at the step it is armed for. */
  async stop(life: Life): Promise<void> {
    const at = this.#mayDieAt ?? this.moments.next()
    const bound = setTimeout(() => void life.kill(), STOP_BOUND_MS)
    const how = await life.stop()
    clearTimeout(bound)
    await this.#gone(at, how === 0 ? 'SIGTERM' : 'SIGKILL', true)
  }

  /** It kills itself, at the step that it was told; gives the signal. */
  async killed(life: Life): Promise<string | number> {
    const how = await life.over
    await this.#gone(this.#mayDieAt ?? this.moments.next())
    return how
  }

  async #gone(at: number, signal: Kill['signal'] = 'SIGKILL', isStopping = false): Promise<void> {
    await this.target.idle()
    this.kills.push({ signal, isStopping, at, goneAt: this.moments.next() })
    this.life = null
  }

  /** From the next life on. */
  speedUp(speed: number): void {
    this.#pace = paceFromNow(this.#pace, speed)
  }

  /** Waits until nothing is open: every job over, every webhook told or given up. False: not within `ms`. */
  async quiet(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms
    while (performance.now() < deadline) {
      if (await this.#isQuiet()) return true
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
    return false
  }

  async #isQuiet(): Promise<boolean> {
    const metrics = await ask(this.url, { path: '/metrics' })
    if (metrics.kind !== 'answered' || !/^foreman_deliveries_pending 0$/m.test(metrics.body)) return false
    for (const state of ['queued', 'loading', 'working']) {
      const list = await ask(this.url, { path: `/jobs?limit=1&state=${state}` })
      if (list.kind !== 'answered' || !list.body.startsWith('{"jobs":[]')) return false
    }
    return true
  }

  /** All that was witnessed, with the last reading of every job. */
  async testimony(): Promise<History> {
    const { submits, calls, readings, cancels, watches } = this.clients
    const finals = await readEverything(this.url)
    return {
      ...{ maxAttempts: MAX_ATTEMPTS, kills: this.kills, submits, calls, readings, cancels, watches, finals },
      executions: this.target.executions,
      arrivals: this.receiver.arrivals,
    }
  }

  /** Safe twice. */
  async end(): Promise<void> {
    await this.life?.kill()
    await this.target.close()
    await this.receiver.close()
  }
}
