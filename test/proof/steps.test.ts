// kill -9 between every two steps of submit → claim → send → stream → finish → deliver, then a restart: what clients were
// told, what the target saw and what receivers got fit together, whatever was cut where.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Step } from '../../src/daemon/runtime/step.ts'
import { check, report } from './checker.ts'
import { type Work, workOf } from './work.ts'
import { World } from './world.ts'

/** A bound for what hangs; a second is enough. */
const LONGEST_MS = 120_000

let world: World

beforeAll(async () => {
  // Not faster: the daemon's deadlines shrink with its time, and a target that was slow for a moment would cost an attempt.
  world = await World.start({ folder: await mkdtemp(join(tmpdir(), 'foreman-proof-')), speed: 3 })
  await world.up()
})

afterAll(async () => {
  await world.end()
  await rm(world.folder, { recursive: true, force: true })
})

/** Two models, streamed and not, with and without a receiver, and one that takes only some of the changes. */
function worksFor(step: Step): Work[] {
  const keyed = (ref: string) => ({ ref: `${step}-${ref}`, key: `key-${step}-${ref}` })
  const told = (ref: string) => ({ ...keyed(ref), receiver: world.receiver.urlFor(`${step}-${ref}`) })
  return [
    workOf(told('first')),
    workOf({ ...told('second'), model: 'tiny-b', stream: false }),
    workOf({ ...keyed('third'), endpoint: '/api/generate' }),
    workOf({ ...told('fourth'), states: ['working', 'done'] }),
  ]
}

/** The last: how many jobs are at the target, and lose the attempt; null where that depends on who was faster. */
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

describe('kill -9 and a restart', { timeout: 2 * LONGEST_MS }, () => {
  it.each(STEPS)(
    'at "%s", once it has passed %i times: every job is done, and all that was promised of it kept',
    async (step, passes, spent) => {
      const { clients, life } = world
      if (life === null) expect.fail('there is no daemon')
      await world.arm(life, { step, passes })
      const { signal } = new AbortController()
      const tasks = worksFor(step).map(async (work) => {
        const id = await clients.submitted(work, signal)
        if (id !== null) await clients.watch(id, signal)
      })
      expect(await world.killed(life)).toBe('SIGKILL')
      await world.up()
      await Promise.all(tasks)
      expect(await world.quiet(LONGEST_MS)).toBe(true)
      const history = await world.testimony()
      const own = history.finals.filter(({ job }) => job.label?.startsWith(`${step}-`))
      const ids = own.map(({ job }) => job.job_id)
      expect(report(check(history).filter(({ jobId }) => jobId === null || ids.includes(jobId)))).toBe('')
      expect(own.map(({ job }) => job.state)).toEqual(['done', 'done', 'done', 'done'])
      if (spent !== null) expect(own.filter(({ job }) => job.attempt > 1)).toHaveLength(spent)
    },
  )

  it('at each of them in turn: the whole history is sound', async () => {
    const history = await world.testimony()
    expect(report(check(history))).toBe('')
    expect(history.kills).toHaveLength(STEPS.length)
  })
})
