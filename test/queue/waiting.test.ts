// Each waiting job has exactly one wait reason at any time, and it moves on when that reason is removed.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JobListDocument, JobSummary, StatusDocument } from '../../src/protocol/wire.ts'
import { call, read } from '../caller.ts'
import { FakeOllama, hangsUp } from '../fake-ollama.ts'
import { passTime, type Running, startForeman, until } from '../harness.ts'
import { inState, submit, view } from '../http/jobs/submission.ts'

const status = (url: string): Promise<StatusDocument> => read<StatusDocument>(url, '/status')
const queuedJobs = async (url: string): Promise<readonly JobSummary[]> =>
  (await read<JobListDocument>(url, '/jobs?state=queued&limit=200')).jobs

const config = { drainLimitMs: 60_000, maxAttempts: 20 }

describe('the wait reason', () => {
  it('is shown with the job, in the list and by model, with the drain timer', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake, { config })
    const { url, clock } = running
    fake.hold('middle')
    const first = await submit(url)
    await inState(url, first.job_id, 'working')
    const startedAt = new Date(clock.now()).toISOString()
    const second = await submit(url)
    const third = await submit(url, { model: 'tiny-b' })
    clock.advance(10_000)
    const forSecond = { reason: 'running', since: startedAt, job_id: first.job_id }
    // tiny-a has older jobs than tiny-b, and the duration of those is unknown.
    const forThird = { reason: 'draining', since: startedAt, affinity: 'tiny-a:latest' }
    expect((await view(url, second.job_id)).waiting_for).toEqual(forSecond)
    expect((await view(url, third.job_id)).waiting_for).toEqual(forThird)
    expect((await view(url, first.job_id)).waiting_for).toBeNull()
    expect((await queuedJobs(url)).map(({ waiting_for }) => waiting_for)).toEqual([forThird, forSecond])
    const { queue, drain } = await status(url)
    expect(queue.by_model.map(({ model, waiting_for }) => [model, waiting_for?.reason])).toEqual([
      ['tiny-a:latest', 'running'],
      ['tiny-b:latest', 'draining'],
    ])
    expect(drain).toEqual({
      ...{ affinity: 'tiny-a:latest', swapped_at: startedAt, drained_ms: 10_000, limit_ms: 60_000 },
      ...{ turns_to: null, turns_at: null },
    })
    fake.release('middle')
  })

  it('is an affinity that is drained until the oldest job has waited FOREMAN_DRAIN_LIMIT, and then the running job', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake, { config })
    const { url, clock } = running
    fake.hold('middle')
    const first = await submit(url)
    await inState(url, first.job_id, 'working')
    const other = await submit(url, { model: 'tiny-b' })
    const own = await submit(url)
    const turnsAt = new Date(clock.now() + 60_000).toISOString()
    expect((await view(url, other.job_id)).waiting_for).toMatchObject({ reason: 'draining', until: turnsAt })
    expect((await status(url)).drain).toMatchObject({ turns_to: 'tiny-b:latest', turns_at: turnsAt })
    expect([(await view(url, other.job_id)).position, (await view(url, own.job_id)).position]).toEqual([2, 1])
    await passTime(running, fake, 60_000)
    expect((await view(url, other.job_id)).waiting_for).toMatchObject({ reason: 'running', job_id: first.job_id })
    expect((await view(url, own.job_id)).waiting_for).toMatchObject({ reason: 'draining', affinity: 'tiny-b:latest' })
    expect([(await view(url, other.job_id)).position, (await view(url, own.job_id)).position]).toEqual([1, 2])
    fake.release('middle')
    await inState(url, own.job_id, 'done')
    expect(fake.workers.map(({ json }) => json['model'])).toEqual(['tiny-a', 'tiny-b', 'tiny-a'])
  })

  it('is the target as soon as it has not answered for a second', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config })
    const { url, clock } = running
    await passTime(running, fake, 5_000)
    fake.sleep()
    const { job_id } = await submit(url)
    await until('the target is asked', async () => fake.connections > 3)
    const askedAt = new Date(clock.now()).toISOString()
    clock.advance(1_000)
    const { waiting_for } = await view(url, job_id)
    expect(waiting_for).toEqual({ reason: 'target_unreachable', since: askedAt })
    fake.wake()
    await inState(url, job_id, 'done')
  })
})

type Action = 'tiny-a' | 'tiny-b' | 'tiny-a large' | 'lost' | 'end' | 'pause' | 'resume' | 'down' | 'up' | 'time'

const ACTIONS: readonly Action[] = [
  ...(['tiny-a', 'tiny-b', 'tiny-b', 'tiny-a large', 'lost', 'end', 'end'] as const),
  ...(['pause', 'resume', 'down', 'up', 'time'] as const),
]

/** Resolves when nothing more happens. */
const settled = (running: Running, fake: FakeOllama): Promise<void> => passTime(running, fake, 0)

/** Lets the running job's answer end. Requests whose connection was lost are held at the gate too. */
async function endRunning(url: string, fake: FakeOllama): Promise<void> {
  const job = (await status(url)).running?.job_id
  if (job === undefined) return
  await until('it ends', async () => {
    fake.step('middle')
    return (await status(url)).running?.job_id !== job
  })
}

async function act(running: Running, fake: FakeOllama, action: Action): Promise<void> {
  const { url } = running
  const isDown = (await status(url)).degraded
  switch (action) {
    case 'pause':
    case 'resume':
      await call(url, { path: `/${action}` })
      break
    case 'down':
      if (isDown) return
      await fake.down()
      await passTime(running, fake, 35_000)
      return
    case 'up':
      if (!isDown) return
      await fake.up()
      await passTime(running, fake, 35_000)
      return
    case 'time':
      await passTime(running, fake, 5_000)
      return
    case 'end':
      await endRunning(url, fake)
      break
    case 'lost':
      fake.on('/api/chat', hangsUp())
      await submit(url)
      break
    default:
      await submit(url, {
        model: action.split(' ', 1)[0],
        ...(action === 'tiny-a large' ? { options: { num_ctx: 8192 } } : {}),
      })
  }
  await settled(running, fake)
}

/** Removes the reason why `job` waits. */
async function remove(running: Running, fake: FakeOllama, job: JobSummary): Promise<void> {
  const { waiting_for: waiting } = job
  switch (waiting?.reason) {
    case 'paused':
      return act(running, fake, 'resume')
    case 'target_unreachable':
      return act(running, fake, 'up')
    case 'backoff':
      return passTime(running, fake, Date.parse(waiting.until ?? '') - running.clock.now())
    case 'running':
      return act(running, fake, 'end')
    case 'draining':
      if (waiting.until !== undefined)
        await passTime(running, fake, Math.max(0, Date.parse(waiting.until) - running.clock.now()))
      return act(running, fake, 'end')
    default:
      throw new Error(`${job.job_id} waits for ${JSON.stringify(waiting)}`)
  }
}

async function judge(url: string): Promise<readonly JobSummary[]> {
  const [jobs, { paused, degraded, running }] = await Promise.all([queuedJobs(url), status(url)])
  for (const { job_id, waiting_for, position } of jobs) {
    const seen = `${job_id}: ${JSON.stringify(waiting_for)}`
    expect(position, seen).not.toBeNull()
    const held = paused ? 'paused' : degraded ? 'target_unreachable' : null
    if (held !== null) expect(waiting_for?.reason, seen).toBe(held)
    else expect(['backoff', 'draining', 'running'], seen).toContain(waiting_for?.reason)
    if (waiting_for?.reason === 'running') expect(waiting_for.job_id, seen).toBe(running?.job_id)
    expect(Date.parse(waiting_for?.since ?? ''), seen).not.toBeNaN()
  }
  return jobs
}

/** The parts of a job that change when it moves. */
const place = ({ state, waiting_for, position, attempt }: JobSummary): string =>
  JSON.stringify([state, waiting_for, position, attempt])

describe('every waiting job', () => {
  it('has one reason at every instant, and its job is sent when that is gone', { timeout: 180_000 }, async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom(...ACTIONS), { minLength: 4, maxLength: 10 }),
      fc.nat(),
      async (actions, choice) => {
        await using fake = await FakeOllama.start({ slots: 1 })
        const running = await startForeman(fake, { config })
        const { url } = running
        fake.hold('middle')
        for (const action of actions) {
          await act(running, fake, action)
          await judge(url)
        }
        // Removes one reason after the other, each of a chosen job. In the end no job waits.
        for (let turn = 0; ; turn++) {
          const jobs = await judge(url)
          if (jobs.length === 0) break
          const job = jobs[(choice + turn) % jobs.length]
          if (job === undefined) break
          await remove(running, fake, job)
          expect(place(await view(url, job.job_id)), `after ${place(job)}`).not.toBe(place(job))
          expect(turn).toBeLessThan(100)
        }
        void running.daemon.stop()
        await running.daemon.stop()
      },
    )
    await fc.assert(property, { numRuns: 8, endOnFailure: true })
  })
})
