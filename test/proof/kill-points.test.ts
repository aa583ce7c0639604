// Tests of kill -9 at each named step of submit → claim → send → stream → finish → deliver, then a restart. After each one, the records of
// clients, target and receiver must agree.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Step } from '../../src/daemon/runtime/step.ts'
import { check, report } from './checker.ts'
import { Testbed } from './testbed.ts'
import { type Work, workOf } from './work.ts'

/** For tests that hang; one second is usually enough. */
const MAX_IDLE_MS = 120_000

let testbed: Testbed

beforeAll(async () => {
  // Not faster: the daemon's deadlines shrink with its clock, and a slow answer of the target would cost an attempt.
  testbed = await Testbed.start({ folder: await mkdtemp(join(tmpdir(), 'foreman-proof-')), speed: 3 })
  await testbed.startReady()
})

afterAll(async () => {
  await testbed.end()
  await rm(testbed.folder, { recursive: true, force: true })
})

/** Two models, streamed and not, with and without a receiver, and one that subscribes to some states only. */
function worksFor(step: Step): Work[] {
  const keyed = (ref: string) => ({ ref: `${step}-${ref}`, key: `key-${step}-${ref}` })
  const told = (ref: string) => ({ ...keyed(ref), receiver: testbed.receiver.urlFor(`${step}-${ref}`) })
  return [
    workOf(told('first')),
    workOf({ ...told('second'), model: 'tiny-b', stream: false }),
    workOf({ ...keyed('third'), endpoint: '/api/generate' }),
    workOf({ ...told('fourth'), states: ['working', 'done'] }),
  ]
}

/** Step, passes before the kill, and how many jobs lose an attempt because they are at the target (null: depends on timing). */
const STEPS: readonly (readonly [Step, number, number | null])[] = [
  ['admitted', 1, null],
  ['submitted', 1, null],
  ['claimed', 0, 1],
  ['sent', 1, 1],
  ['first_byte', 0, 1],
  ['streaming', 2, 1],
  ['answered', 0, 1],
  ['applied', 1, 0],
  ['delivering', 1, null],
  ['delivered', 2, null],
  ['settled', 0, null],
]

describe('a daemon killed with SIGKILL and restarted', { timeout: 2 * MAX_IDLE_MS }, () => {
  it.each(STEPS)(
    'at step "%s" after %i passes completes every job and violates no invariant',
    async (step, passes, spent) => {
      const { clients, daemon } = testbed
      if (daemon === null) expect.fail('the daemon is not running')
      await testbed.arm(daemon, { step, passes })
      const { signal } = new AbortController()
      const tasks = worksFor(step).map(async (work) => {
        const id = await clients.submitted(work, signal)
        if (id !== null) await clients.watch(id, signal)
      })
      expect(await testbed.killed(daemon)).toBe('SIGKILL')
      await testbed.startReady()
      await Promise.all(tasks)
      expect(await testbed.idle(MAX_IDLE_MS)).toBe(true)
      const history = await testbed.history()
      const own = history.finals.filter(({ job }) => job.label?.startsWith(`${step}-`))
      const ids = own.map(({ job }) => job.job_id)
      expect(report(check(history).filter(({ jobId }) => jobId === null || ids.includes(jobId)))).toBe('')
      expect(own.map(({ job }) => job.state)).toEqual(['done', 'done', 'done', 'done'])
      if (spent !== null) expect(own.filter(({ job }) => job.attempt > 1)).toHaveLength(spent)
    },
  )

  it('at each step in turn violates no invariant over the whole run', async () => {
    const history = await testbed.history()
    expect(report(check(history))).toBe('')
    expect(history.kills).toHaveLength(STEPS.length)
  })
})
