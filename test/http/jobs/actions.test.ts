// What a caller may do to a job: cancel, retry, delete, send a webhook again; and what deadlines do.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ErrorDocument, JobDocument, ReceiptDocument } from '../../../src/protocol/wire.ts'
import { type Answer, call, chat, read } from '../../caller.ts'
import { FakeOllama, fails } from '../../fake-ollama.ts'
import { passTime, type Running, startForeman, temporaryFolder, until } from '../../harness.ts'
import { TestClock } from '../../test-clock.ts'
import { startWebhookSink } from '../../webhook-sink.ts'
import { act, documentOf, inState, submit, view } from './submission.ts'

const remove = (url: string, id: string): Promise<Answer> => call(url, { method: 'DELETE', path: `/jobs/${id}` })
const codeOf = (answer: Answer): string => documentOf<ErrorDocument>(answer).code

/** A job that runs, and stands still at the gate `middle`. */
async function running(fake: FakeOllama, { url }: Pick<Running, 'url'>, body: object = {}): Promise<string> {
  fake.hold('middle')
  const { job_id } = await submit(url, body)
  await inState(url, job_id, 'working')
  return job_id
}

describe('cancel', () => {
  it("of a running job answers 202 while it stops, and the target's socket closes", async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const id = await running(fake, foreman)
    const answer = await act(foreman.url, id, 'cancel')
    expect([200, 202]).toContain(answer.status)
    if (answer.status === 202) expect(documentOf(answer)).toEqual({ job_id: id, state: 'working' })
    const job = await inState(foreman.url, id, 'cancelled')
    expect(job.error).toEqual({ code: 'cancelled', message: 'request canceled', status: null })
    expect(await fake.workers[0]?.over).toBe('aborted')
  })

  it('of a queued job answers 200 with it, and the job never reaches the target', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const first = await running(fake, foreman)
    const { job_id } = await submit(foreman.url, { n: 2 })
    const answer = await act(foreman.url, job_id, 'cancel')
    expect(answer.status).toBe(200)
    expect(documentOf<JobDocument>(answer)).toMatchObject({ job_id, state: 'cancelled', started_at: null, attempt: 0 })
    fake.release('middle')
    await inState(foreman.url, first, 'done')
    expect(fake.workers).toHaveLength(1)
  })

  it('is idempotent and does not change a finished job', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const id = await running(fake, foreman)
    await act(foreman.url, id, 'cancel')
    await inState(foreman.url, id, 'cancelled')
    fake.release('middle')
    const again = await act(foreman.url, id, 'cancel')
    expect(again.status).toBe(200)
    expect(documentOf<JobDocument>(again).state).toBe('cancelled')
    const { job_id } = await submit(foreman.url)
    await inState(foreman.url, job_id, 'done')
    const late = await act(foreman.url, job_id, 'cancel')
    expect(late.status).toBe(200)
    expect(documentOf<JobDocument>(late)).toMatchObject({ state: 'done', error: null })
  })

  it('of a job that is being claimed ends it, whichever comes first', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    for (let i = 0; i < 20; i++) {
      const { job_id } = await submit(url, { n: i })
      const answers = await Promise.all([act(url, job_id, 'cancel'), act(url, job_id, 'cancel')])
      expect(answers.every(({ status }) => status === 200 || status === 202)).toBe(true)
      await until('it is over', async () => /^(done|cancelled)$/.test((await view(url, job_id)).state))
    }
    await fake.settled()
    expect(fake.overlaps).toEqual([])
  })

  it('ends a waiting call too, queued or running', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const runs = chat(url)
    await runs.hears('Hello')
    const waits = chat(url, 'tiny-b')
    const { jobs } = await until('both are there', async () => {
      const list = await read<{ jobs: JobDocument[] }>(url, '/jobs')
      return list.jobs.length === 2 && list
    })
    for (const { job_id } of jobs) expect([200, 202]).toContain((await act(url, job_id, 'cancel')).status)
    const waited = await waits.answer()
    expect(waited.status).toBe(499)
    expect(waited.headers['x-foreman-error']).toBe('cancelled')
    expect((await runs.answer()).cut).toBe(true)
    expect(fake.workers).toHaveLength(1)
  })
})

describe('retry', () => {
  it('is a new job with the old body and options, and the old job stays unchanged', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', fails(500, 'broken'))
    const { job_id } = await submit(
      url,
      '{"label":"l", "model":"tiny-a", "n":1.0,"messages":[{"role":"user","content":"x"}]}',
    )
    const old = await inState(url, job_id, 'failed')
    const answer = await act(url, job_id, 'retry')
    expect(answer.status).toBe(202)
    const receipt = documentOf<ReceiptDocument>(answer)
    expect(answer.headers.location).toBe(`/jobs/${receipt.job_id}`)
    const job = await inState(url, receipt.job_id, 'done')
    expect(job).toMatchObject({ retry_of: job_id, label: 'l', attempt: 1 })
    expect(receipt.job_id).not.toBe(job_id)
    expect(await view(url, job_id)).toEqual(old)
    const [first, second] = fake.workers
    expect(second?.sha256).toBe(first?.sha256)
  })

  it('of a retry works too, and waits if that is preferred', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url)
    await inState(url, job_id, 'done')
    const second = await act(url, job_id, 'retry', { Prefer: 'wait=30' })
    expect(second.status).toBe(200)
    const { job_id: secondId } = documentOf<JobDocument>(second)
    const third = await act(url, secondId, 'retry', { Prefer: 'wait=30' })
    expect(documentOf<JobDocument>(third)).toMatchObject({ state: 'done', retry_of: secondId })
  })

  it('of an active job is 409', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const id = await running(fake, foreman)
    const answer = await act(foreman.url, id, 'retry')
    expect(answer.status).toBe(409)
    expect(documentOf(answer)).toEqual({ error: `job ${id} is working`, code: 'job_active' })
  })

  it('of a waiting call is 410, because its body was deleted at its end', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { headers } = await chat(url).answer()
    const answer = await act(url, String(headers['x-foreman-job-id']), 'retry')
    expect(answer.status).toBe(410)
    expect(codeOf(answer)).toBe('body_gone')
  })

  it('is refused by a full queue', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { config: { maxQueue: 1 } })
    const { job_id } = await submit(foreman.url)
    await inState(foreman.url, job_id, 'done')
    await running(fake, foreman)
    await submit(foreman.url)
    const answer = await act(foreman.url, job_id, 'retry')
    expect(answer.status).toBe(503)
    expect(codeOf(answer)).toBe('queue_full')
    expect(answer.headers['retry-after']).toMatch(/^\d+$/)
  })
})

describe('delete', () => {
  it('removes a finished job with all its data', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url)
    await inState(url, job_id, 'done')
    const answer = await remove(url, job_id)
    expect([answer.status, answer.body]).toEqual([204, ''])
    for (const path of ['', '/events', '/artifacts/completion'])
      expect((await call(url, { method: 'GET', path: `/jobs/${job_id}${path}` })).status).toBe(404)
    expect((await remove(url, job_id)).status).toBe(404)
    expect((await act(url, job_id, 'retry')).status).toBe(404)
  })

  it('of an active job is 409', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const id = await running(fake, foreman)
    const { job_id: waits } = await submit(foreman.url)
    for (const [job, state] of [
      [id, 'working'],
      [waits, 'queued'],
    ]) {
      const answer = await remove(foreman.url, job ?? '')
      expect(answer.status).toBe(409)
      expect(documentOf(answer)).toEqual({ error: `job ${job} is ${state}`, code: 'job_active' })
    }
  })
})

describe('redeliver', () => {
  it('sends a webhook once more, whatever its status', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const sink = await startWebhookSink()
    const { job_id } = await submit(url, { state_webhook_url: `${sink.url}/hook`, webhook_events: ['done'] })
    const first = await sink.webhook(1)
    const { deliveries } = await until('it is delivered', async () => {
      const job = await view(url, job_id)
      return job.deliveries[0]?.status === 'delivered' && job
    })
    const n = deliveries[0]?.n ?? 0
    const answer = await act(url, job_id, `deliveries/${n}/redeliver`)
    expect(answer.status).toBe(202)
    expect(documentOf(answer)).toEqual({ job_id, n, status: 'pending' })
    const second = await sink.webhook(2)
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id'])
  })

  it('of an unknown delivery is 404', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url)
    await inState(url, job_id, 'done')
    for (const n of ['0', '-1', '01', '1.5', '99', 'x', '999999999999999999999', '%00', '1%20']) {
      const answer = await act(url, job_id, `deliveries/${n}/redeliver`)
      expect([n, answer.status, codeOf(answer)]).toEqual([n, 404, 'delivery_not_found'])
    }
  })
})

describe('an unknown job', () => {
  it('is 404 on every path, and its id is escaped', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    for (const [id, error] of NOT_THERE) {
      const answers = [
        await act(url, id, 'cancel'),
        await act(url, id, 'retry'),
        await act(url, id, 'deliveries/1/redeliver'),
        await remove(url, id),
      ]
      for (const answer of answers) {
        expect(answer.status).toBe(404)
        expect(documentOf(answer)).toEqual({ error, code: 'job_not_found' })
      }
    }
  })
})

const NOT_THERE = [
  ['01KAJ5Z0000000000000000000', 'no job 01KAJ5Z0000000000000000000'],
  ['01kaj5z0000000000000000000', 'no job "01kaj5z0000000000000000000"'],
  ['81KAJ5Z0000000000000000000', 'no job "81KAJ5Z0000000000000000000"'],
  ['x', 'no job "x"'],
  ['%1b%5b2J%0a', 'no job "\ufffd[2J\ufffd"'],
  ['x'.repeat(500), `no job "${'x'.repeat(40)}"…`],
  ["'%20OR%201=1--", `no job "' OR 1=1--"`],
  ['__proto__', 'no job "__proto__"'],
  ['%F0%9F%98%80', 'no job "😀"'],
] as const

describe('deadlines', () => {
  it('start_before cancels a job that still waits, and says so', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const first = await running(fake, foreman)
    const { job_id } = await submit(foreman.url, { start_before: '30s' })
    await passTime(foreman, fake, 29_000)
    expect((await view(foreman.url, job_id)).state).toBe('queued')
    await passTime(foreman, fake, 1_000)
    const job = await inState(foreman.url, job_id, 'cancelled')
    expect(job.error).toEqual({
      code: 'start_before_passed',
      message: 'the job had not started 30s after it was submitted (start_before)',
      status: null,
    })
    fake.release('middle')
    await inState(foreman.url, first, 'done')
    expect(fake.workers).toHaveLength(1)
  })

  it('start_before does not affect a job that has started', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const id = await running(fake, foreman, { start_before: '30s' })
    await passTime(foreman, fake, 60_000)
    fake.release('middle')
    await inState(foreman.url, id, 'done')
  })

  it("finish_before ends a running job, and the target's socket closes", async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const id = await running(fake, foreman, { finish_before: '30s' })
    await passTime(foreman, fake, 30_000)
    const job = await inState(foreman.url, id, 'cancelled')
    expect(job.error?.code).toBe('finish_before_passed')
    expect(job.error?.message).toBe('the job had not finished 30s after it was submitted (finish_before)')
    expect(await fake.workers[0]?.over).toBe('aborted')
  })

  it('finish_before ends a waiting job too', async () => {
    await using fake = await FakeOllama.start()
    await fake.down()
    const foreman = await startForeman(fake)
    const { job_id } = await submit(foreman.url, { finish_before: '1m' })
    await passTime(foreman, fake, 60_000)
    expect((await inState(foreman.url, job_id, 'cancelled')).error?.code).toBe('finish_before_passed')
    await fake.up()
  })

  it('that passed while foreman was down cancel their jobs before anything is sent', async () => {
    await using fake = await FakeOllama.start()
    await fake.down()
    const db = join(await temporaryFolder(), 'foreman.db')
    const first = await startForeman(fake, { db })
    const { job_id } = await submit(first.url, { start_before: '1h' })
    const { job_id: patient } = await submit(first.url)
    void first.daemon.stop()
    await first.daemon.stop()
    await fake.up()
    const clock = new TestClock()
    clock.jump(3_600_000)
    const second = await startForeman(fake, { db, clock })
    expect((await inState(second.url, job_id, 'cancelled')).error?.code).toBe('start_before_passed')
    await inState(second.url, patient, 'done')
    expect(fake.workers).toHaveLength(1)
  })
})
