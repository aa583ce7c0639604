// Owns the storm that a planted bug is looked for in: rougher than others, short, and again from other seeds if the bug had no
// chance to show itself.

import { check, type Invariant } from './checker.ts'
import { PLANTS, type Plant, type PlantName } from './plants.ts'
import { storm } from './storm.ts'
import type { World } from './world.ts'

const SEEDS = [1, 2, 3, 4, 5] as const
const CYCLES = 4

/** The first invariant that noticed as it should; null: none did, in several storms. */
export async function catchPlant(
  name: PlantName,
  createWorld: (plant: PlantName) => Promise<World>,
): Promise<Invariant | null> {
  const { caughtBy }: Plant = PLANTS[name]
  for (const seed of SEEDS) {
    const world = await createWorld(name)
    // What it breaks may never become quiet; that is waited for, but not for long.
    const { history } = await storm(world, { seed, cycles: CYCLES, roughness: 0.5, drainMs: 8_000 })
    const violations = check(history)
    const found = caughtBy.find((invariant) => violations.some((violation) => violation.invariant === invariant))
    await world.end()
    if (found !== undefined) return found
  }
  return null
}
