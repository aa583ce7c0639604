// A short storm: clients, faults and kill -9 at random, from a seed. The long one is `npm run proof`.

import { expect, it } from 'vitest'
import { check, report } from './checker.ts'
import { ask } from './line.ts'
import { storm } from './storm.ts'
import { temporaryWorld } from './temporary-world.ts'
import { WHOLE } from './watched-target.ts'
import { workOf } from './work.ts'

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

it('a kill in the middle of an orderly stop explains what the stop had told', { timeout: 600_000 }, async () => {
  // A slow clock: the grace lasts for forty seconds, so that the run ends within it on any machine.
  const world = await temporaryWorld({ speed: 0.2 })
  const life = await world.up()
  world.target.fate = () => ({ ...WHOLE, words: 400, pauseMs: 5 })
  const calls = [1, 2, 3, 4].map((n) => world.clients.call(workOf({ ref: `call-${n}` })))
  let status = ''
  while (!status.includes('"waiting":3')) {
    const answered = await ask(world.url, { path: '/status' })
    status = answered.kind === 'answered' ? answered.body : ''
  }
  // The running job ends within the grace, when the waiting callers have long been told.
  await world.arm(life, { step: 'applied', passes: 0 })
  await world.stop(life)
  await Promise.all(calls)
  await world.up()
  expect(await world.quiet(120_000)).toBe(true)
  const history = await world.testimony()
  expect(history.kills).toMatchObject([{ signal: 'SIGKILL', isStopping: true }])
  const codes = history.finals.map(({ job }) => job.error?.code ?? job.state)
  expect(codes.filter((code) => code === 'shutting_down')).toHaveLength(3)
  expect(report(check(history))).toBe('')
})
