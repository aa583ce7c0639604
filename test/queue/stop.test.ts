// A clean stop (SIGTERM): nothing new is admitted, every caller gets an answer, and no job is lost.

import { describe, expect, it } from 'vitest'
import type { JobDocument, JobListDocument, StatusDocument } from '../../src/protocol/wire.ts'
import { chat, get, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'
import { TestClock } from '../test-clock.ts'

const waiting = async (url: string) => (await read<StatusDocument>(url, '/status')).queue.waiting

/** Starts a chat that is being answered, and one that waits. */
async function waitingBehind(fake: FakeOllama) {
  const running = await startForeman(fake)
  fake.hold('middle')
  const first = chat(running.url)
  await first.hears('Hello')
  const second = chat(running.url, 'tiny-b')
  await until('it waits', async () => (await waiting(running.url)) === 1)
  return { ...running, first, second }
}

/** Starts the same two, and then a stop. */
async function stopping(fake: FakeOllama) {
  const running = await waitingBehind(fake)
  return { ...running, stopped: running.daemon.stop() }
}

describe('a stop', () => {
  it('answers waiting calls at once, lets the running job end within the grace period, and exits with 0', async () => {
    await using fake = await FakeOllama.start()
    const { first, second, stopped, daemon } = await stopping(fake)
    const told = await second.answer()
    expect([told.status, told.headers['x-foreman-error'], told.headers['retry-after']]).toEqual([
      503,
      'shutting_down',
      '5',
    ])
    fake.release('middle')
    const answer = await first.answer()
    expect(answer.cut).toBe(false)
    expect(answer.body).toContain('"done":true')
    await stopped
    expect(await daemon.exited).toBe(0)
  })

  it('accepts nothing new and is not ready', async () => {
    await using fake = await FakeOllama.start()
    const { url, first, second, stopped } = await stopping(fake)
    await second.answer()
    const refused = await chat(url).answer()
    expect([refused.status, refused.headers['x-foreman-error']]).toEqual([503, 'shutting_down'])
    expect((await get(url, '/readyz')).status).toBe(503)
    expect((await get(url, '/healthz')).status).toBe(200)
    fake.release('middle')
    await first.answer()
    await stopped
  })

  it('ends a run that exceeds the grace period with an error record and a cut', async () => {
    await using fake = await FakeOllama.start()
    const { clock, first, second, stopped } = await stopping(fake)
    await second.answer()
    clock.advance(8_000)
    const answer = await first.answer()
    expect(answer.cut).toBe(true)
    expect(answer.body).toContain('{"error":"foreman is shutting down"}\n')
    expect(await fake.workers[0]?.over).toBe('aborted')
    await stopped
  })

  it('during a claim does not wait for an answer without a caller', async () => {
    await using fake = await FakeOllama.start()
    const seen: { stopped?: Promise<void> } = {}
    const { url } = await startForeman(fake, {
      onStep: (step, _job, daemon) => {
        if (step === 'claimed') seen.stopped = daemon.stop()
      },
    })
    fake.hold('middle')
    const told = await chat(url).answer()
    // If the stop is first, the caller gets a status. If the target's first byte is, it gets a record and a cut.
    expect(told.status === 503 || told.cut).toBe(true)
    expect(told.body).toContain('foreman is shutting down')
    // The clock does not run, so the stop cannot wait for the grace period.
    await seen.stopped
    // If it reached the target, the target has seen the disconnect.
    const ends = await Promise.all(fake.workers.map(({ over }) => over))
    expect(ends.every((end) => end === 'aborted')).toBe(true)
  })

  it('requested twice ends the running job at once', async () => {
    await using fake = await FakeOllama.start()
    const { first, stopped, daemon } = await stopping(fake)
    await daemon.stop()
    expect((await first.answer()).cut).toBe(true)
    await stopped
  })

  it('leaves no unfinished waiting call in the database', async () => {
    await using fake = await FakeOllama.start()
    const { first, stopped, config, daemon } = await stopping(fake)
    await daemon.stop()
    await first.answer()
    await stopped
    const again = await startForeman(fake, { db: config.db })
    const { jobs } = (await read<StatusDocument>(again.url, '/status')).counters
    expect([jobs['cancelled'], jobs['queued'], jobs['loading'], jobs['working']]).toEqual([2, 0, 0, 0])
  })
})

describe('a waiting call that a stop finds in the queue', () => {
  it.each([
    ['still has its caller', false],
    ['was left by its caller a moment ago', true],
  ])('is cancelled with shutting_down and never sent if it %s', async (_name, hangsUp) => {
    await using fake = await FakeOllama.start()
    const { url, first, second, clock, config, daemon } = await waitingBehind(fake)
    clock.advance(config.heartbeatMs)
    const id = (await second.head()).headers['x-foreman-job-id']
    if (hangsUp) {
      second.hangUp()
      await until('it has left', async () => (await read<StatusDocument>(url, '/status')).counters.callers === 1)
    }
    const stopped = daemon.stop()
    if (!hangsUp) expect((await second.answer()).body).toContain('{"error":"foreman is shutting down"}')
    fake.release('middle')
    await first.answer()
    await stopped
    const again = await startForeman(fake, { db: config.db })
    const job = await read<JobDocument>(again.url, `/jobs/${id}`)
    expect(job).toMatchObject({ state: 'cancelled', attempt: 0, started_at: null, error: { code: 'shutting_down' } })
    expect(fake.workers).toHaveLength(1)
  })
})

describe('finished jobs', () => {
  it('are deleted FOREMAN_JOB_TTL after their end, and not before', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake, { config: { jobTtlMs: 3_600_000 } })
    await chat(url).answer()
    const done = async () => (await read<JobListDocument>(url, '/jobs?state=done')).jobs.length
    await until('the first turn is over', () => clock.nextIn !== null && clock.nextIn <= 60_000)
    clock.advance(3_500_000)
    expect(await done()).toBe(1)
    await until('it is gone', async () => {
      clock.advance(60_000)
      return (await done()) === 0
    })
  })
  it('survive a clock that is a year ahead for less than a minute', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake, { config: { jobTtlMs: 3_600_000 } })
    await chat(url).answer()
    const done = async () => (await read<JobListDocument>(url, '/jobs?state=done')).jobs.length
    const year = 365 * 24 * 3_600_000
    for (let minute = 0; minute < 3; minute++) {
      await clock.advanceSoftly(60_000)
      await done()
    }
    clock.jump(year)
    await clock.advanceSoftly(60_000)
    expect(await done()).toBe(1)
    clock.jump(-year)
    await clock.advanceSoftly(120_000)
    expect(await done()).toBe(1)
    clock.jump(year)
    await until('the clock is believed after two looks', async () => {
      await clock.advanceSoftly(60_000)
      return (await done()) === 0
    })
  })
  it('survive a start of foreman while the clock is a year ahead', async () => {
    await using fake = await FakeOllama.start()
    const first = await startForeman(fake, { config: { jobTtlMs: 3_600_000 } })
    await chat(first.url).answer()
    await first.daemon.stop()
    const ahead = new TestClock()
    ahead.jump(365 * 24 * 3_600_000)
    const { url } = await startForeman(fake, { db: first.config.db, clock: ahead, config: { jobTtlMs: 3_600_000 } })
    const done = async () => (await read<JobListDocument>(url, '/jobs?state=done')).jobs.length
    await ahead.advanceSoftly(30_000)
    expect(await done()).toBe(1)
    ahead.jump(-365 * 24 * 3_600_000)
    await ahead.advanceSoftly(300_000)
    expect(await done()).toBe(1)
  })
})
