// An answer that is larger than FOREMAN_MAX_ANSWER: an async job ends with it, a waiting call does not care.

import { expect, it } from 'vitest'
import { chat } from '../../caller.ts'
import { FakeOllama, says } from '../../fake-ollama.ts'
import { startForeman } from '../../harness.ts'
import { inState, submit } from './submission.ts'

const LONG = says('x'.repeat(600), 'y'.repeat(600))

it('an async job with too large an answer fails once with the limit, and the next job runs', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake, { config: { maxAnswer: 1_000 } })
  fake.on('/api/chat', LONG)
  const large = await submit(url)
  const next = await submit(url)
  const job = await inState(url, large.job_id, 'failed')
  expect(job).toMatchObject({
    attempt: 1,
    error: { code: 'answer_too_large', message: expect.stringContaining('1000 bytes (FOREMAN_MAX_ANSWER)') },
  })
  expect(job).not.toHaveProperty('result')
  expect(job.artifacts.every(({ name, bytes }) => name === 'response' && bytes <= 1_000)).toBe(true)
  await inState(url, next.job_id, 'done')
})

it('an async job is done if only the bytes after its last record are too many', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake, { config: { maxAnswer: 1_000 } })
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 2040\r\n\r\n'
  // In slices, so that the last record comes before what is too much.
  fake.on('/api/chat', {
    raw: `${head}{"message":{"content":"x"},"done":true}\n${' '.repeat(2_000)}`,
    slice: 50,
  })
  const { job_id: id } = await submit(url)
  expect((await inState(url, id, 'done')).error).toBeNull()
})

it('the error for too large an answer shows the limit as it was configured', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake, { config: { maxAnswer: 1024 } })
  fake.on('/api/chat', LONG)
  const { error } = await inState(url, (await submit(url)).job_id, 'failed')
  expect(error?.message).toBe('the answer is larger than 1KiB (FOREMAN_MAX_ANSWER)')
})

it('a waiting call gets the whole of a large answer', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake, { config: { maxAnswer: 1_000 } })
  fake.on('/api/chat', LONG)
  const answer = await chat(url).answer()
  expect([answer.status, answer.cut]).toEqual([200, false])
  expect(answer.body).toContain('y'.repeat(600))
})
