// What an Idempotency-Key promises: the same job for the same key, however often and whenever it is asked.

import { describe, expect, it } from 'vitest'
import type { ErrorDocument, JobDocument, ReceiptDocument } from '../../../src/protocol/wire.ts'
import { Caller } from '../../caller.ts'
import { FakeOllama } from '../../fake-ollama.ts'
import { startForeman } from '../../harness.ts'
import { CHAT, documentOf, inState, list, post, probed, submit } from './submission.ts'

describe('Idempotency-Key', () => {
  const key = { 'Idempotency-Key': 'night-1' }

  it('with the same body returns the same job, for ever', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const first = await post(url, {}, key)
    const { job_id } = documentOf<ReceiptDocument>(first)
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    await inState(url, job_id, 'done')
    const second = await post(url, {}, key)
    expect(second.status).toBe(202)
    expect(second.headers['idempotent-replayed']).toBe('true')
    expect(second.headers.location).toBe(`/jobs/${job_id}`)
    expect(documentOf<ReceiptDocument>(second)).toMatchObject({ job_id, state: 'done', position: null })
    const third = await post(url, {}, { ...key, Prefer: 'wait=5' })
    expect(third.status).toBe(200)
    expect(documentOf<JobDocument>(third).job_id).toBe(job_id)
    expect(fake.workers).toHaveLength(1)
  })

  it('of fifty callers at once creates one job', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(url, {}, key)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    expect(new Set(answers.map((answer) => documentOf<ReceiptDocument>(answer).job_id)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(49)
    expect((await list(url)).jobs).toHaveLength(1)
  })

  it.each([
    ['another body', { stream: false }],
    ['a label more', { label: 'x' }],
    ['another endpoint', { endpoint: '/v1/chat/completions' }],
    ['the same in other white space', `${JSON.stringify(CHAT)} `],
  ])('with %s is 422', async (_what, body) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await submit(url, {}, key)
    const answer = await post(url, body, key)
    expect(answer.status).toBe(422)
    expect(answer.headers['x-foreman-error']).toBe('key_reused')
    expect(documentOf<ErrorDocument>(answer)).toEqual({
      error: 'Idempotency-Key was used with another request',
      code: 'key_reused',
    })
    expect((await list(url)).jobs).toHaveLength(1)
  })

  it('that is known returns its job while new ones are refused: queue full, model missing', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { maxQueue: 1 } })
    fake.hold('middle')
    await inState(url, (await submit(url)).job_id, 'working')
    const { job_id } = await submit(url, {}, key)
    expect((await post(url)).status).toBe(503)
    expect(documentOf<ReceiptDocument>(await post(url, {}, key)).job_id).toBe(job_id)
    fake.models = ['tiny-b:latest']
    // Makes foreman look what there is now.
    expect((await post(url, { model: 'nobody' })).status).toBe(404)
    expect(documentOf<ReceiptDocument>(await post(url, {}, key)).job_id).toBe(job_id)
    expect((await post(url, { n: 2 }, key)).status).toBe(422)
  })

  it('is free again after its job is deleted', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url, {}, key)
    await inState(url, job_id, 'done')
    await new Caller(url, { method: 'DELETE', path: `/jobs/${job_id}` }).answer()
    expect((await submit(url, {}, key)).job_id).not.toBe(job_id)
  })

  it('stays free if the request is refused', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await probed(url)
    expect((await post(url, { label: 7 }, key)).status).toBe(400)
    expect((await post(url, { model: 'nobody' }, key)).status).toBe(404)
    expect((await post(url, {}, key)).status).toBe(202)
  })

  it('that is invalid is 400', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    for (const bad of ['', ' ', 'a b', 'ä', 'x'.repeat(256), 'a, b']) {
      const answer = await post(url, {}, { 'Idempotency-Key': Buffer.from(bad, 'utf8').toString('latin1') })
      expect([bad, answer.status]).toEqual([bad, 400])
      expect(documentOf<ErrorDocument>(answer)).toEqual({
        error: 'Idempotency-Key must be 1 to 255 visible ASCII characters, sent once',
        code: 'bad_request',
      })
    }
    expect((await post(url, {}, { 'Idempotency-Key': 'x'.repeat(255) })).status).toBe(202)
  })
})
