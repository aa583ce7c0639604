// Tests with random kills: a short run. `npm run proof` does a long one.

import { expect, it } from 'vitest'
import { check, report } from './checker.ts'
import { sendRequest } from './http-request.ts'
import { runRandomKills } from './random-kills.ts'
import { temporaryTestbed } from './temporary-testbed.ts'
import { NO_FAULT } from './watched-target.ts'
import { workOf } from './work.ts'

/** A kill interrupts a running job only by chance; on a slow machine the first seed may interrupt none. */
const SEEDS = [4, 5, 6, 7] as const

it('ten random kills and stops under load violate no invariant', {
  timeout: 900_000,
}, async () => {
  let again = 0
  for (const seed of SEEDS) {
    const testbed = await temporaryTestbed()
    const { history, isQuiet } = await runRandomKills(testbed, { seed, cycles: 10, drainMs: 240_000 })
    await testbed.end()
    expect(report(check(history))).toBe('')
    expect(isQuiet).toBe(true)
    expect(history.kills).toHaveLength(10)
    again += history.finals.filter(({ job }) => job.state === 'done' && job.attempt > 1).length
    if (again > 0) break
  }
  expect(again).toBeGreaterThan(0)
})

it('a kill during a graceful stop leaves the waiting calls cancelled as shutting_down', {
  timeout: 600_000,
}, async () => {
  // With a slow clock the grace period lasts forty seconds, so that the running job ends within it on any machine.
  const testbed = await temporaryTestbed({ speed: 0.2 })
  const daemon = await testbed.startReady()
  testbed.target.faultFor = () => ({ ...NO_FAULT, words: 400, pauseMs: 5 })
  const calls = [1, 2, 3, 4].map((n) => testbed.clients.call(workOf({ ref: `call-${n}` })))
  let status = ''
  while (!status.includes('"waiting":3')) {
    const answered = await sendRequest(testbed.url, { path: '/status' })
    status = answered.kind === 'answered' ? answered.body : ''
  }
  // The running job ends within the grace period, after the waiting calls were answered.
  await testbed.arm(daemon, { step: 'applied', passes: 0 })
  await testbed.stop(daemon)
  await Promise.all(calls)
  await testbed.startReady()
  expect(await testbed.idle(120_000)).toBe(true)
  const history = await testbed.history()
  expect(history.kills).toMatchObject([{ signal: 'SIGKILL', isStopping: true }])
  const codes = history.finals.map(({ job }) => job.error?.code ?? job.state)
  expect(codes.filter((code) => code === 'shutting_down')).toHaveLength(3)
  expect(report(check(history))).toBe('')
})
