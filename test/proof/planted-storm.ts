// Owns the storms that a planted bug is looked for in: rougher than others, short, and again from other seeds if the bug had no
// chance to show itself.

import { check, type Invariant, report } from './checker.ts'
import { type HARMLESS, PLANTS, type Plant, type PlantName } from './plants.ts'
import { storm } from './storm.ts'
import type { World } from './world.ts'

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8] as const
const CYCLES = 4
const ROUGHNESS = 0.5

/** The first invariant that noticed as it should; null: none did, in several storms. */
export async function catchPlant(
  name: keyof typeof PLANTS,
  createWorld: (plant: PlantName) => Promise<World>,
): Promise<Invariant | null> {
  const { caughtBy }: Plant = PLANTS[name]
  for (const seed of SEEDS) {
    const world = await createWorld(name)
    // What it breaks may never become quiet; that is waited for, but not for long.
    const { history } = await storm(world, { seed, cycles: CYCLES, roughness: ROUGHNESS, drainMs: 8_000 })
    const violations = check(history)
    const found = caughtBy.find((invariant) => violations.some((violation) => violation.invariant === invariant))
    await world.end()
    if (found !== undefined) return found
  }
  return null
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
