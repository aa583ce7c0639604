// A short storm: clients, faults and kill -9 at random, from a seed. The long one is `npm run proof`.

import { expect, it } from 'vitest'
import { check, report } from './checker.ts'
import { storm } from './storm.ts'
import { temporaryWorld } from './temporary-world.ts'

/** Whether a kill finds a job at work is a matter of the machine's pace: the first storm is enough on all but the slowest. */
const SEEDS = [4, 5, 6, 7] as const

it('ten kills and stops at random under load: no job is lost, none ends twice, and everybody is told', {
  timeout: 900_000,
}, async () => {
  let again = 0
  for (const seed of SEEDS) {
    const world = await temporaryWorld()
    const { history, isQuiet } = await storm(world, { seed, cycles: 10, drainMs: 240_000 })
    await world.end()
    expect(report(check(history))).toBe('')
    expect(isQuiet).toBe(true)
    expect(history.kills).toHaveLength(10)
    again += history.finals.filter(({ job }) => job.state === 'done' && job.attempt > 1).length
    if (again > 0) break
  }
  expect(again).toBeGreaterThan(0)
})
