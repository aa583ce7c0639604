// The simulation of the bench `fleet`, checked against results that are known without it.

import { describe, expect, it } from 'vitest'
import { POLICIES } from '../../bench/fleet-policies.ts'
import { type Fleet, simulate } from '../../bench/fleet-simulation.ts'

const FLEET: Fleet = {
  targets: 4,
  models: 3,
  skew: 1,
  jobs: 20_000,
  utilisation: 0.5,
  loadTime: 5,
  runTime: 10,
  drainLimit: 900,
  maxQueue: 1_000,
  seed: 7,
}

const policy = (name: string) => {
  const found = POLICIES[name]
  if (found === undefined) throw new Error(`unknown policy ${name}`)
  return found
}
const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe('the simulated fleet', () => {
  it.each(Object.keys(POLICIES))('gives the same result for the same seed: %s', (name) => {
    expect(simulate(FLEET, policy(name))).toEqual(simulate(FLEET, policy(name)))
  })

  it.each(Object.keys(POLICIES))('runs or refuses each job exactly once: %s', (name) => {
    const { waits, refused } = simulate({ ...FLEET, maxQueue: 3, utilisation: 0.9 }, policy(name))
    expect(waits.length + refused).toBe(FLEET.jobs)
    expect(refused).toBeGreaterThan(0)
  })

  it('waits as long as queueing theory says for one target and one model', () => {
    const fleet = { ...FLEET, targets: 1, models: 1, utilisation: 0.5, jobs: 200_000 }
    const { waits, swaps } = simulate(fleet, policy('round robin'))
    expect(swaps).toBe(1)
    // M/M/1: the mean waiting time is runTime × utilisation / (1 − utilisation).
    expect(mean(waits)).toBeGreaterThan(9)
    expect(mean(waits)).toBeLessThan(11)
  })

  it('loads each model once if each has a target of its own', () => {
    const own = () => (model: number) => model
    expect(simulate({ ...FLEET, targets: 3 }, own).swaps).toBe(3)
  })

  it('drains the resident model before it loads another one', () => {
    // Two models take turns at one target that is never idle: without draining nearly every second job is a load.
    const { swaps } = simulate(
      { ...FLEET, targets: 1, models: 2, skew: 0, utilisation: 5, jobs: 500 },
      policy('round robin'),
    )
    expect(swaps).toBeLessThan(20)
  })

  it('switches to the oldest job after the drain limit', () => {
    const fleet = { ...FLEET, targets: 1, models: 2, skew: 0, utilisation: 5, jobs: 900 }
    const swaps = (drainLimit: number) => simulate({ ...fleet, drainLimit }, policy('round robin')).swaps
    expect(swaps(60)).toBeGreaterThan(swaps(0) * 5)
  })
})
