// Owns the storms that a planted bug is looked for in: rougher than others, short, and again from other seeds if the bug had no
// chance to show itself.

import { check, type Invariant, report } from './checker.ts'
import type { History } from './history.ts'
import type { Fatal } from './life.ts'
import { ask } from './line.ts'
import { type HARMLESS, PLANTS, type Plant, type PlantName } from './plants.ts'
import { storm } from './storm.ts'
import { WHOLE } from './watched-target.ts'
import { workOf } from './work.ts'
import type { World } from './world.ts'

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8] as const
const CYCLES = 4
const ROUGHNESS = 0.5
const LONGEST_MS = 8_000

/** The first invariant that noticed as it should; null: none did, in several storms. */
export async function catchPlant(
  name: keyof typeof PLANTS,
  createWorld: (plant: PlantName) => Promise<World>,
): Promise<Invariant | null> {
  const { caughtBy, fatal }: Plant = PLANTS[name]
  for (const seed of SEEDS) {
    const world = await createWorld(name)
    const history = fatal === undefined ? await roughStorm(world, seed) : await oneKill(world, fatal)
    await world.end()
    const violations = check(history)
    const found = caughtBy.find((invariant) => violations.some((violation) => violation.invariant === invariant))
    if (found !== undefined) return found
  }
  return null
}

async function roughStorm(world: World, seed: number): Promise<History> {
  // What it breaks may never become quiet; that is waited for, but not for long.
  const { history } = await storm(world, { seed, cycles: CYCLES, roughness: ROUGHNESS, drainMs: LONGEST_MS })
  return history
}

/** One job of a model that is not resident, its watcher, and one kill. */
async function oneKill(world: World, fatal: Fatal): Promise<History> {
  const { target, clients } = world
  const { signal } = new AbortController()
  target.fate = () => ({ ...WHOLE, words: 20, pauseMs: 2 })
  const life = await world.up()
  const work = workOf({ ref: 'watched', key: 'key' })
  // Held until somebody looks on, so that he hears it live.
  await ask(world.url, { method: 'POST', path: '/pause' })
  const id = await clients.submitted(work, signal)
  if (id === null) throw new Error('nothing was submitted')
  const heard = Promise.withResolvers<void>()
  const watched = clients.watch(id, signal, () => {
    heard.resolve()
    return false
  })
  await heard.promise
  await world.arm(life, fatal)
  await ask(world.url, { method: 'POST', path: '/resume' })
  await world.killed(life)
  await world.up()
  await watched
  await world.quiet(LONGEST_MS)
  return world.testimony()
}

/** What is found in a daemon that is only slower; empty: nothing. */
export async function harmlessFindings(
  name: keyof typeof HARMLESS,
  createWorld: (plant: PlantName) => Promise<World>,
): Promise<string> {
  const world = await createWorld(name)
  const { history } = await storm(world, { seed: 1, cycles: 3 * CYCLES, roughness: ROUGHNESS })
  await world.end()
  return report(check(history))
}
