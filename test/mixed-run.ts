// A short run in which foreman does a little of everything: chats to two models, a failed job, a cancelled job, embeddings,
// webhooks, and a job that still waits at the end because the queue is paused. It asserts nothing.

import type { JobDocument } from '../src/protocol/wire.ts'
import { call, get } from './caller.ts'
import { type FakeOllama, fails } from './fake-ollama.ts'
import { until } from './harness.ts'
import { act, submit } from './http/jobs/submission.ts'
import { accepts, startWebhookSink } from './webhook-sink.ts'

/** @param headers Sent with each request, for a foreman with a token. */
export async function mixedRun(url: string, fake: FakeOllama, headers: Record<string, string> = {}): Promise<void> {
  const sink = await startWebhookSink({
    // The receiver of one job answers 410: its webhooks are stopped.
    react: ({ path }) => (path === '/gone' ? { status: 410 } : accepts),
  })
  const view = async (id: string): Promise<JobDocument> =>
    JSON.parse((await get(url, `/jobs/${id}`, headers)).body) as JobDocument
  await until('the target was probed', async () =>
    /^foreman_target_up 1$/m.test((await get(url, '/metrics', headers)).body),
  )
  const messages = [{ role: 'user', content: 'hi' }]
  for (const model of ['tiny-a', 'tiny-b']) await call(url, { body: { model, messages }, headers })
  await call(url, { path: '/api/embed', body: { model: 'tiny-embed', input: 'hi' }, headers })
  await get(url, '/no/such/path', headers)
  fake.on('/api/chat', fails(400, 'this prompt is invalid'))
  for (const path of ['/hook', '/gone']) {
    const { job_id } = await submit(url, { state_webhook_url: `${sink.url}${path}` }, headers)
    await until('the job and its webhooks are over', async () => {
      const { finished_at, deliveries } = await view(job_id)
      return finished_at !== null && deliveries.every(({ status }) => status !== 'pending')
    })
  }
  await call(url, { path: '/pause', headers })
  const { job_id } = await submit(url, {}, headers)
  await act(url, job_id, 'cancel', headers)
  await until('the job is cancelled', async () => (await view(job_id)).state === 'cancelled')
  await submit(url, { model: 'tiny-b' }, headers)
}
