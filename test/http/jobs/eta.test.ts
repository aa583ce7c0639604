// When a waiting job is likely to be sent: told when it is known, and only then.

import { describe, expect, it } from 'vitest'
import { call, chat } from '../../caller.ts'
import { FakeOllama } from '../../fake-ollama.ts'
import { passTime, startForeman } from '../../harness.ts'
import { inState, submit, view } from './submission.ts'

describe('the estimated wait', () => {
  it('comes from recent run times, less the time of the running job', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { url, clock } = running
    fake.hold('middle')
    const learnt = chat(url)
    await learnt.hears('Hello')
    await passTime(running, fake, 10_000)
    fake.release('middle')
    await learnt.answer()
    fake.hold('middle')
    const first = await submit(url)
    await inState(url, first.job_id, 'working')
    const second = await submit(url)
    const third = await submit(url)
    // The fake says that its load took 1.5 s of the ten.
    expect((await view(url, second.job_id)).eta_seconds).toBe(9)
    expect((await view(url, third.job_id)).eta_seconds).toBe(17)
    clock.advance(4_000)
    expect((await view(url, second.job_id)).eta_seconds).toBe(5)
    clock.advance(20_000)
    expect([(await view(url, second.job_id)).eta_seconds, (await view(url, third.job_id)).eta_seconds]).toEqual([0, 9])
    expect(await view(url, first.job_id)).not.toHaveProperty('eta_seconds')
    fake.release('middle')
  })

  it('is known after a restart, from the jobs that are kept', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.hold('load')
    const learnt = chat(running.url)
    await fake.waiting('load')
    await passTime(running, fake, 10_000)
    fake.release('load')
    await learnt.answer()
    void running.daemon.stop()
    await running.daemon.stop()
    fake.hold('middle')
    const again = await startForeman(fake, { db: running.config.db })
    const first = await submit(again.url)
    await inState(again.url, first.job_id, 'working')
    const second = await submit(again.url)
    expect((await view(again.url, second.job_id)).eta_seconds).toBe(9)
    fake.release('middle')
  })

  it('is absent for an unknown model, while the queue is paused, and while the target is unreachable', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { url } = running
    await chat(url).answer()
    await call(url, { path: '/pause' })
    const known = await submit(url)
    const behind = await submit(url, { model: 'tiny-b' })
    const last = await submit(url, { model: 'tiny-b' })
    expect(await view(url, known.job_id)).not.toHaveProperty('eta_seconds')
    fake.hold('middle')
    await call(url, { path: '/resume' })
    await inState(url, known.job_id, 'working')
    expect(await view(url, behind.job_id)).toHaveProperty('eta_seconds')
    expect(await view(url, last.job_id)).not.toHaveProperty('eta_seconds')
    fake.sleep()
    await passTime(running, fake, 40_000)
    expect(await view(url, behind.job_id)).not.toHaveProperty('eta_seconds')
  })
})
