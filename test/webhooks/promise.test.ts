// The promises of webhooks, on the whole program: each receiver gets the events it asked for, in order, at least once, and
// its behaviour affects no other part.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { verifyWebhook } from '../../src/protocol/webhook.ts'
import type { ErrorDocument, JobDocument } from '../../src/protocol/wire.ts'
import { call, get, read } from '../caller.ts'
import { cut, FakeOllama, fails } from '../fake-ollama.ts'
import { type Running, startForeman, temporaryFolder, until } from '../harness.ts'
import { act, documentOf, inState, post, submit, view } from '../http/jobs/submission.ts'
import { accepts, startWebhookSink, type WebhookSink } from '../webhook-sink.ts'

const SECRET = new TextEncoder().encode('a secret')

const states = (sink: WebhookSink): string[] => sink.seen.map(({ payload }) => payload.state)
const ids = (sink: WebhookSink): unknown[] => sink.seen.map(({ headers }) => headers['webhook-id'])

/** Resolves when every delivery of the job is settled. */
const told = ({ url }: Pick<Running, 'url'>, id: string): Promise<JobDocument> =>
  until('all of its webhooks are over', async () => {
    const job = await view(url, id)
    return job.deliveries.every(({ status }) => status !== 'pending') && job.finished_at !== null && job
  })

const isDelivered = async ({ url }: Running, id: string): Promise<boolean> =>
  (await view(url, id)).deliveries[0]?.status === 'delivered'

/** Advances the clock from one attempt of the job's first pending webhook to the next, until `seen` holds. */
async function untilTried({ url, clock }: Running, id: string, seen: () => boolean | Promise<boolean>): Promise<void> {
  await until('it was tried', async () => {
    if (await seen()) return true
    const next = (await view(url, id)).deliveries.find(({ status }) => status === 'pending')?.next_try_at
    // A delivery in flight stays due, and the clock does not run.
    const wait = next === null || next === undefined ? 0 : Date.parse(next) - clock.now()
    if (wait > 0) clock.advance(wait)
    return false
  })
}

describe('a job with a state_webhook_url', () => {
  it('announces every state change, in order and signed, and the result at the end', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink()
    const foreman = await startForeman(fake, { config: { webhookSecrets: [SECRET] } })
    const { job_id } = await submit(foreman.url, { state_webhook_url: `${sink.url}/hook?x=1` })
    const job = await told(foreman, job_id)
    expect(states(sink)).toEqual(['queued', 'loading', 'working', 'done'])
    for (const [index, { headers, body, payload, path, method }] of sink.seen.entries()) {
      expect([method, path]).toEqual(['POST', '/hook?x=1'])
      const verification = await verifyWebhook({ headers, body, keys: [SECRET], now: foreman.clock.now() })
      expect(verification).toMatchObject({ kind: 'valid', id: `${job_id}-${index + 1}` })
      expect(payload).toMatchObject({
        type: `job.${payload.state}`,
        sequence: index + 1,
        job_id,
        previous_state: states(sink)[index - 1] ?? null,
        model: 'tiny-a',
        attempt: index === 0 ? 0 : 1,
      })
    }
    const { payload } = await sink.webhook(4)
    const { result, artifacts, timings, usage, error } = job
    expect(payload).toMatchObject({ result, artifacts, timings, usage, error })
    expect(artifacts.map(({ name }) => name).sort()).toEqual(['completion', 'response'])
    expect(job.deliveries).toMatchObject(
      [1, 2, 3, 4].map((n) => ({ n, status: 'delivered', tries: 1, reason: null, next_try_at: null })),
    )
    const metrics = (await get(foreman.url, '/metrics')).body
    expect(metrics).toContain('foreman_deliveries_total{result="delivered"} 4')
    expect(metrics).toContain('foreman_deliveries_pending 0')
  })
  it('announces only the requested states', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink()
    const foreman = await startForeman(fake)
    const { job_id } = await submit(foreman.url, { state_webhook_url: sink.url, webhook_events: ['done', 'failed'] })
    const { deliveries } = await told(foreman, job_id)
    expect(states(sink)).toEqual(['done'])
    expect(deliveries).toHaveLength(1)
    expect(sink.seen[0]?.headers).not.toHaveProperty('webhook-signature')
    expect(sink.seen[0]?.headers['webhook-id']).toBe(`${job_id}-4`)
  })
  it('announces its failure and its cancellation', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink()
    const foreman = await startForeman(fake)
    fake.on('/api/chat', fails(500, 'out of memory'))
    const failed = await submit(foreman.url, { state_webhook_url: sink.url, webhook_events: ['failed'] })
    await told(foreman, failed.job_id)
    await call(foreman.url, { path: '/pause' })
    const waiting = await submit(foreman.url, { state_webhook_url: sink.url, webhook_events: ['cancelled'] })
    await act(foreman.url, waiting.job_id, 'cancel')
    await told(foreman, waiting.job_id)
    expect(sink.seen.map(({ payload }) => payload)).toMatchObject([
      { type: 'job.failed', error: { code: 'target_error', status: 500 } },
      { type: 'job.cancelled', previous_state: 'queued', error: { code: 'cancelled' } },
    ])
    for (const { payload } of sink.seen) expect(payload).not.toHaveProperty('result')
  })
  it('repeats a state after a requeue, with another attempt and rising numbers', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink()
    const foreman = await startForeman(fake)
    fake.on('/api/chat', cut('fin', 1))
    const { job_id } = await submit(foreman.url, { state_webhook_url: sink.url })
    await sink.webhook(4)
    await until('it has waited out its backoff', async () => {
      foreman.clock.advance(100)
      return (await view(foreman.url, job_id)).state === 'done'
    })
    await told(foreman, job_id)
    expect(states(sink)).toEqual([
      'queued',
      'loading',
      'working',
      'queued',
      expect.any(String),
      ...states(sink).slice(5),
    ])
    expect(states(sink).at(-1)).toBe('done')
    expect(sink.seen.map(({ payload }) => payload.sequence)).toEqual(sink.seen.map((_, index) => index + 1))
    expect(sink.seen.at(-1)?.payload.attempt).toBe(2)
    expect(new Set(ids(sink)).size).toBe(sink.seen.length)
  })
})

describe('a receiver', () => {
  it('that is down does not affect a job, and gets everything when it returns, also after a restart of foreman', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink({ react: () => ({ status: 503, body: 'the receiver says' }) })
    const db = join(await temporaryFolder(), 'foreman.db')
    const first = await startForeman(fake, { db })
    const { job_id } = await submit(first.url, { state_webhook_url: sink.url })
    await inState(first.url, job_id, 'done')
    await untilTried(first, job_id, () => sink.seen.length >= 3)
    const listed = await until('the third try is listed', async () => {
      const { deliveries } = await view(first.url, job_id)
      return (deliveries[0]?.tries ?? 0) >= 3 && deliveries
    })
    expect(listed[0]).toMatchObject({ n: 1, status: 'pending', reason: 'not_accepted' })
    expect((await get(first.url, `/jobs/${job_id}`)).body).not.toContain('the receiver says')
    expect(new Set(ids(sink))).toEqual(new Set([`${job_id}-1`]))
    await first.daemon.stop()
    const { length } = sink.seen
    sink.react = () => accepts
    const second = await startForeman(fake, { db, clock: first.clock })
    first.clock.advance(60_000)
    await told(second, job_id)
    expect(states(sink).slice(length)).toEqual(['queued', 'loading', 'working', 'done'])
    expect(ids(sink)[length]).toBe(`${job_id}-1`)
  })
  it('that got a webhook when foreman stopped gets it again with the same id', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink({ react: () => 'silence' })
    const db = join(await temporaryFolder(), 'foreman.db')
    const first = await startForeman(fake, { db })
    const { job_id } = await submit(first.url, { state_webhook_url: sink.url, webhook_events: ['done'] })
    await sink.webhook(1)
    await first.daemon.stop()
    sink.react = () => accepts
    const second = await startForeman(fake, { db, clock: first.clock })
    await told(second, job_id)
    expect(ids(sink)).toEqual([`${job_id}-4`, `${job_id}-4`])
  })
  it('that never answers delays neither jobs nor other receivers', async () => {
    await using fake = await FakeOllama.start()
    const [silent, good] = [await startWebhookSink({ react: () => 'silence' }), await startWebhookSink()]
    const foreman = await startForeman(fake)
    for (let n = 0; n < 10; n++) await submit(foreman.url, { state_webhook_url: silent.url })
    const { job_id } = await submit(foreman.url, { state_webhook_url: good.url })
    await told(foreman, job_id)
    expect(silent.seen).toHaveLength(1)
    expect(states(good).at(-1)).toBe('done')
  })
  it('that is gone gets nothing more about this job, and the job says so', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink({ react: () => ({ status: 410 }) })
    const foreman = await startForeman(fake)
    const { job_id } = await submit(foreman.url, { state_webhook_url: sink.url })
    const { deliveries } = await told(foreman, job_id)
    expect(sink.seen).toHaveLength(1)
    expect(deliveries.map(({ status, reason }) => `${status} ${reason}`)).toEqual(Array(4).fill('given_up gone'))
  })
  it('gets a webhook again on request', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink()
    const foreman = await startForeman(fake)
    const { job_id } = await submit(foreman.url, { state_webhook_url: sink.url })
    await told(foreman, job_id)
    const before = sink.seen[1]
    expect((await act(foreman.url, job_id, 'deliveries/2/redeliver')).status).toBe(202)
    const again = await sink.webhook(5)
    expect(again.payload).toEqual(before?.payload)
    expect(again.headers['webhook-id']).toBe(before?.headers['webhook-id'])
    expect((await told(foreman, job_id)).deliveries[1]).toMatchObject({ status: 'delivered', tries: 1 })
  })
  it('may delete the job while it gets the final webhook', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink({ react: () => 'silence' })
    const foreman = await startForeman(fake)
    const { job_id } = await submit(foreman.url, { state_webhook_url: sink.url, webhook_events: ['done'] })
    await sink.webhook(1)
    expect((await call(foreman.url, { method: 'DELETE', path: `/jobs/${job_id}` })).status).toBeLessThan(300)
    foreman.clock.advance(15_000)
    sink.react = () => accepts
    const other = await submit(foreman.url, { state_webhook_url: sink.url, webhook_events: ['done'] })
    await untilTried(foreman, other.job_id, () => isDelivered(foreman, other.job_id))
    expect(sink.seen.slice(1).map(({ payload }) => payload.job_id)).toEqual([other.job_id])
  })
})

describe('a refused webhook address', () => {
  it('is refused at submission, with the reason, and nothing is queued', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { port } = new URL(url)
    const refused: readonly (readonly [string, string])[] = [
      ['http://169.254.169.254/latest/', 'metadata'],
      ['http://[::ffff:a9fe:a9fe]/', 'metadata'],
      ['ftp://192.168.1.5/', 'ftp'],
      ['http://me:hunter2@192.168.1.5/', 'credentials'],
      [`http://localhost:${port}/jobs`, 'foreman itself'],
      [`http://127.1:${port}/`, 'foreman itself'],
      [`http://127.0.0.1:${fake.port}/api/chat`, 'the target'],
    ]
    for (const [state_webhook_url, why] of refused) {
      const answer = await post(url, { state_webhook_url })
      expect(answer.status, state_webhook_url).toBe(400)
      const { code, error } = documentOf<ErrorDocument>(answer)
      expect(code).toBe('webhook_refused')
      expect(error).toMatch(/^state_webhook_url /)
      expect(error).toContain(why)
      expect(answer.body).not.toContain('hunter2')
    }
    expect((await read<{ jobs: unknown[] }>(url, '/jobs')).jobs).toEqual([])
  })
  it('is not sent to if a name resolves to one, and the job is done nevertheless', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink()
    const answers = ['169.254.169.254', '127.0.0.1']
    const lookup = () => Promise.resolve([{ address: answers.shift() ?? '127.0.0.1', family: 4 as const }])
    const foreman = await startForeman(fake, { lookup })
    const webhook = { state_webhook_url: `http://hook.example.org:${sink.port}/`, webhook_events: ['done'] }
    const { job_id } = await submit(foreman.url, webhook)
    const refused = await until('it was refused', async () => {
      const [delivery] = (await view(foreman.url, job_id)).deliveries
      return delivery?.reason === 'refused_address' && delivery
    })
    expect(refused).toMatchObject({ status: 'pending', tries: 1 })
    expect(sink.connections).toBe(0)
    // The DNS cache keeps the name for half a minute.
    await untilTried(foreman, job_id, () => isDelivered(foreman, job_id))
    expect(states(sink)).toEqual(['done'])
  })
  it('that was allowed at submission is given up', async () => {
    await using fake = await FakeOllama.start()
    const sink = await startWebhookSink({ react: () => ({ status: 500 }) })
    const db = join(await temporaryFolder(), 'foreman.db')
    const first = await startForeman(fake, { db })
    const { job_id } = await submit(first.url, { state_webhook_url: sink.url, webhook_events: ['done'] })
    await sink.webhook(1)
    await first.daemon.stop()
    const { length } = sink.seen
    const second = await startForeman(fake, { db, clock: first.clock, config: { webhookDeny: ['127.0.0.0/8'] } })
    first.clock.advance(60_000)
    expect((await told(second, job_id)).deliveries).toMatchObject([{ status: 'given_up', reason: 'refused_address' }])
    expect(sink.seen).toHaveLength(length)
  })
})

it('the path and query of a webhook and the secret are never logged', async () => {
  await using fake = await FakeOllama.start()
  const sink = await startWebhookSink({ react: () => ({ status: 500 }) })
  const foreman = await startForeman(fake, { config: { webhookSecrets: [SECRET] } })
  const { job_id } = await submit(foreman.url, { state_webhook_url: `${sink.url}/the-path?the-query=1` })
  await inState(foreman.url, job_id, 'done')
  await untilTried(foreman, job_id, () => sink.seen.length >= 2)
  await foreman.daemon.stop()
  const log = JSON.stringify(foreman.logged)
  expect(log).toContain(`127.0.0.1:${sink.port}`)
  for (const secret of ['the-path', 'the-query', 'a secret']) expect(log).not.toContain(secret)
})
