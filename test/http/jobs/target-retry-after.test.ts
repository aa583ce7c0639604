// A 429 or 503 with Retry-After, as cloud models answer: an async job waits as long as the target asks.

import { describe, expect, it } from 'vitest'
import { chat } from '../../caller.ts'
import { FakeOllama, fails, type Script } from '../../fake-ollama.ts'
import { passTime, startForeman } from '../../harness.ts'
import { inState, submit } from './submission.ts'

const MINUTE = 60_000

const asksToWait = (status: number, seconds: string): Script => {
  const { body } = fails(status, 'too many requests')
  return {
    raw: `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nRetry-After: ${seconds}\r\nContent-Length: ${String(body).length}\r\n\r\n${String(body)}`,
  }
}

describe('a target that sends Retry-After', () => {
  it.each([
    [429, '600', 10 * MINUTE],
    [503, '90', 90_000],
  ])('with %i and Retry-After %s gets the request again after that time, and no attempt is spent', async (...row) => {
    const [status, seconds, wait] = row
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', asksToWait(status, seconds))
    const { job_id: id } = await submit(running.url)
    await fake.seen(1)
    await inState(running.url, id, 'queued')
    await passTime(running, fake, wait - 1_000)
    expect(fake.workers).toHaveLength(1)
    await passTime(running, fake, 1_000)
    const job = await inState(running.url, id, 'done')
    expect([job.attempt, fake.workers.length]).toEqual([1, 2])
  })

  it('is not waited for longer if the clock is set back meanwhile', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', asksToWait(429, '600'))
    const { job_id: id } = await submit(running.url)
    await fake.seen(1)
    await inState(running.url, id, 'queued')
    running.clock.jump(-30 * MINUTE)
    await passTime(running, fake, 10 * MINUTE)
    await inState(running.url, id, 'done')
  })

  it('answers a waiting call with its status unchanged', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', asksToWait(429, '600'))
    const answer = await chat(url).answer()
    expect([answer.status, answer.headers['retry-after'], answer.body]).toEqual([
      429,
      '600',
      '{"error":"too many requests"}',
    ])
    expect(fake.workers).toHaveLength(1)
  })
})
