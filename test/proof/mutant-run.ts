// Runs with a mutant: short runs with random kills and more faults than usual, repeated with other seeds until the checker detects it.

import { check, type Invariant, report } from './checker.ts'
import type { KillPoint } from './daemon-process.ts'
import { sendRequest } from './http-request.ts'
import { type HARMLESS_CHANGES, MUTANTS, type Mutant, type MutantName } from './mutants.ts'
import { runRandomKills } from './random-kills.ts'
import type { RunHistory } from './run-history.ts'
import type { Testbed } from './testbed.ts'
import { NO_FAULT } from './watched-target.ts'
import { workOf } from './work.ts'

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8] as const
const CYCLES = 4
const FAULT_SHARE = 0.5
const MAX_DRAIN_MS = 8_000

/** Returns the first expected invariant that was violated, or null if no seed violated one. */
export async function detectMutant(
  name: keyof typeof MUTANTS,
  createTestbed: (mutant: MutantName) => Promise<Testbed>,
): Promise<Invariant | null> {
  const { caughtBy, killPoint }: Mutant = MUTANTS[name]
  for (const seed of SEEDS) {
    const testbed = await createTestbed(name)
    const history =
      killPoint === undefined ? await randomKillsWithFaults(testbed, seed) : await killAtPoint(testbed, killPoint)
    await testbed.end()
    const violations = check(history)
    const found = caughtBy.find((invariant) => violations.some((violation) => violation.invariant === invariant))
    if (found !== undefined) return found
  }
  return null
}

async function randomKillsWithFaults(testbed: Testbed, seed: number): Promise<RunHistory> {
  // A mutant may keep the daemon from becoming idle, so the wait is short.
  const { history } = await runRandomKills(testbed, {
    seed,
    cycles: CYCLES,
    faultShare: FAULT_SHARE,
    drainMs: MAX_DRAIN_MS,
  })
  return history
}

/** One job of a model that is not resident, a watcher, and one kill. */
async function killAtPoint(testbed: Testbed, killPoint: KillPoint): Promise<RunHistory> {
  const { target, clients } = testbed
  const { signal } = new AbortController()
  target.faultFor = () => ({ ...NO_FAULT, words: 20, pauseMs: 2 })
  const daemon = await testbed.startReady()
  const work = workOf({ ref: 'watched', key: 'key' })
  // Paused until the watcher is connected, so that it sees every event live.
  await sendRequest(testbed.url, { method: 'POST', path: '/pause' })
  const id = await clients.submitted(work, signal)
  if (id === null) throw new Error('nothing was submitted')
  const heard = Promise.withResolvers<void>()
  const watched = clients.watch(id, signal, () => {
    heard.resolve()
    return false
  })
  await heard.promise
  await testbed.arm(daemon, killPoint)
  await sendRequest(testbed.url, { method: 'POST', path: '/resume' })
  await testbed.killed(daemon)
  await testbed.startReady()
  await watched
  await testbed.idle(MAX_DRAIN_MS)
  return testbed.history()
}

/** Returns the violations found in a daemon that is only slower; empty if there are none. */
export async function violationsOfHarmless(
  name: keyof typeof HARMLESS_CHANGES,
  createTestbed: (mutant: MutantName) => Promise<Testbed>,
): Promise<string> {
  const testbed = await createTestbed(name)
  const { history } = await runRandomKills(testbed, { seed: 1, cycles: 3 * CYCLES, faultShare: FAULT_SHARE })
  await testbed.end()
  return report(check(history))
}
