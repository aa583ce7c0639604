// Run with random kills: clients send requests, target and receiver have faults, and the daemon is killed again and again. Then the
// faults end, the queue drains, and the records are collected. Everything but the speed of the machine comes from one seed.

import type { Step } from '../../src/daemon/runtime/step.ts'
import { ClientDriver } from './client-driver.ts'
import { createReceiverResponses, createTargetFaults } from './fault-schedule.ts'
import type { RunHistory } from './run-history.ts'
import { SeededRandom } from './seeded-random.ts'
import type { Testbed } from './testbed.ts'
import { ACCEPTS } from './watched-receiver.ts'
import { NO_FAULT } from './watched-target.ts'

export interface RandomKillsOptions {
  readonly seed: number
  /** How often the daemon is killed. */
  readonly cycles: number
  readonly clients?: number
  /** Share of requests that the target answers badly. */
  readonly faultShare?: number
  /** Limit for the drain. */
  readonly drainMs?: number
  readonly onCycle?: (done: number) => void
}

export interface RandomKillsResult {
  readonly history: RunHistory
  /** All jobs had ended and all webhooks were settled within `drainMs`. */
  readonly isQuiet: boolean
}

/** Speed of the clock during the drain, so that backoffs pass sooner. Not higher, because the daemon's deadlines shrink with it. */
const DRAIN_SPEED = 20

const STEPS: readonly Step[] = [
  ...(['admitted', 'enqueued', 'submitted', 'claimed', 'sent', 'first_byte'] as const),
  ...(['streaming', 'answered', 'applied', 'delivering', 'delivered', 'settled'] as const),
]

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export async function runRandomKills(testbed: Testbed, options: RandomKillsOptions): Promise<RandomKillsResult> {
  const { seed, cycles, clients: count = 6, faultShare = 0.15, drainMs = 60_000, onCycle } = options
  const random = new SeededRandom(seed)
  testbed.target.faultFor = createTargetFaults(random.fork(), faultShare)
  testbed.receiver.responseFor = createReceiverResponses(random.fork())
  const stop = new AbortController()
  const giveUp = new AbortController()
  const clients = Array.from({ length: count }, (_, n) => {
    const urlFor = (ref: string): string => testbed.receiver.urlFor(ref)
    const parts = { name: `c${n}`, clients: testbed.clients, random: random.fork(), urlFor }
    return new ClientDriver({ ...parts, stop: stop.signal, giveUp: giveUp.signal }).run()
  })
  const killRandom = random.fork()
  for (let cycle = 1; cycle <= cycles; cycle++) {
    await startAndKill(testbed, killRandom)
    onCycle?.(cycle)
  }
  stop.abort()
  testbed.target.faultFor = () => NO_FAULT
  testbed.receiver.responseFor = () => ACCEPTS
  testbed.speedUp(DRAIN_SPEED)
  await testbed.startReady()
  const isQuiet = await testbed.idle(drainMs)
  // Requests that are still open after the drain will not be answered.
  const late = setTimeout(() => giveUp.abort(), isQuiet ? drainMs : 0)
  await Promise.all(clients)
  clearTimeout(late)
  return { history: await testbed.history(), isQuiet }
}

/** Starts the daemon and kills it: during the start, at a random time under load, or at a named step. Sometimes it is stopped with SIGTERM instead. */
async function startAndKill(testbed: Testbed, random: SeededRandom): Promise<void> {
  const how = random.next()
  const daemon = testbed.startDaemon()
  if (how < 0.1) {
    await Promise.race([pause(random.integer(50, 600)), daemon.over])
    return testbed.kill(daemon)
  }
  if ((await daemon.ready) === 'dead') return testbed.kill(daemon)
  if (how < 0.4) {
    await testbed.arm(daemon, { step: random.pick(STEPS), passes: random.skewed(1, 40) - 1 })
    await Promise.race([pause(1_000), daemon.over])
  } else {
    // Mostly short, sometimes long enough for the queue to drain.
    await pause(random.integer(0, random.happens(0.15) ? 3_000 : 800))
  }
  await (random.happens(0.15) ? testbed.stop(daemon) : testbed.kill(daemon))
}
