// A short storm: clients, faults and kill -9 at random, from a seed. The long one is `npm run proof`.

import { expect, it } from 'vitest'
import { check, report } from './checker.ts'
import { storm } from './storm.ts'
import { temporaryWorld } from './temporary-world.ts'

it('ten kills at random under load: no job is lost, none ends twice, and everybody is told', {
  timeout: 180_000,
}, async () => {
  const world = await temporaryWorld()
  const { history, isQuiet } = await storm(world, { seed: 4, cycles: 10 })
  expect(report(check(history))).toBe('')
  expect(isQuiet).toBe(true)
  expect(history.kills).toHaveLength(10)
  expect(history.finals.some(({ job }) => job.state === 'done' && job.attempt > 1)).toBe(true)
})
