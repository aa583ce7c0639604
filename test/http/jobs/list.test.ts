// What `GET /jobs` promises: pages, the newest first, of what was asked for and nothing else.

import { describe, expect, it } from 'vitest'
import type { ErrorDocument, JobListDocument } from '../../../src/protocol/wire.ts'
import { chat, get, read } from '../../caller.ts'
import { FakeOllama, fails } from '../../fake-ollama.ts'
import { startForeman } from '../../harness.ts'
import { documentOf, inState, submit } from './submission.ts'

const list = (url: string, query = ''): Promise<JobListDocument> => read<JobListDocument>(url, `/jobs${query}`)
const ids = ({ jobs }: JobListDocument): string[] => jobs.map(({ job_id }) => job_id)

/** `count` jobs behind one that talks, so that they wait; their ids, oldest first, without that one's. */
async function waitingJobs(fake: FakeOllama, url: string, count: number): Promise<string[]> {
  fake.hold('middle')
  const { job_id } = await submit(url, { model: 'tiny-c' })
  await inState(url, job_id, 'working')
  const submitted: string[] = []
  for (let i = 0; i < count; i++) {
    const body = { model: i % 2 === 0 ? 'tiny-a' : 'tiny-b:latest', label: `l${i % 3}` }
    submitted.push((await submit(url, body)).job_id)
  }
  return submitted
}

describe('the list of jobs', () => {
  it('is empty without jobs', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    expect(await list(url)).toEqual({ jobs: [], next: null })
  })

  it('shows each job, newest first, waiting calls too, and never a prompt or an answer', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { headers } = await chat(url).answer()
    fake.on('/api/chat', fails(500, 'broken'))
    const { job_id } = await submit(url, { label: 'x', messages: [{ role: 'user', content: 'my secret' }] })
    await inState(url, job_id, 'failed')
    const { body } = await get(url, '/jobs')
    const page = JSON.parse(body) as JobListDocument
    expect(ids(page)).toEqual([job_id, headers['x-foreman-job-id']])
    expect(page.jobs[0]).toMatchObject({ state: 'failed', label: 'x', error: { code: 'target_error', status: 500 } })
    expect(body).not.toContain('my secret')
    expect(Object.keys(page.jobs[1] ?? {})).not.toContain('artifacts')
  })

  it('gives all jobs page by page, each once, also while new ones come', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const submitted = await waitingJobs(fake, url, 7)
    const seen: string[] = []
    let page = await list(url, '?limit=3')
    for (let pages = 1; pages < 5; pages++) {
      seen.push(...ids(page))
      if (page.next === null) break
      await submit(url)
      page = await list(url, `?limit=3&cursor=${page.next}`)
    }
    expect(page.next).toBeNull()
    expect(seen.slice(0, 7)).toEqual(submitted.toReversed())
    expect(seen).toHaveLength(8)
    fake.release('middle')
  })

  it('has no next page if the last job is on this one', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await waitingJobs(fake, url, 2)
    expect((await list(url, '?limit=3')).next).toBeNull()
    expect((await list(url, '?limit=2')).next).not.toBeNull()
    fake.release('middle')
  })

  it('filters by state, by model in any spelling, and by label', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const submitted = await waitingJobs(fake, url, 6)
    const wanted = (test: (index: number) => boolean) => submitted.filter((_, index) => test(index)).toReversed()
    expect(ids(await list(url, '?state=queued'))).toEqual(submitted.toReversed())
    expect(ids(await list(url, '?state=working'))).toHaveLength(1)
    expect(ids(await list(url, '?state=done'))).toEqual([])
    expect(ids(await list(url, '?model=tiny-b'))).toEqual(wanted((i) => i % 2 === 1))
    expect(ids(await list(url, '?model=Tiny-A:latest'))).toEqual(wanted((i) => i % 2 === 0))
    expect(ids(await list(url, '?label=l1'))).toEqual(wanted((i) => i % 3 === 1))
    expect(ids(await list(url, '?label=l1&model=tiny-a&state=queued&limit=1'))).toEqual(wanted((i) => i === 4))
    fake.release('middle')
  })

  it('shows the queue position of each waiting job', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await waitingJobs(fake, url, 4)
    // Drained by model: both of tiny-a, then both of tiny-b.
    expect((await list(url)).jobs.map(({ position }) => position)).toEqual([4, 2, 3, 1, null])
    fake.release('middle')
  })

  it.each([
    ['?state=finished', 'state must be one of queued, loading, working, done, failed, cancelled, not "finished"'],
    ['?state=', 'state must be one of'],
    ['?state=done&state=failed', 'state must be sent once'],
    ['?limit=0', 'limit must be a whole number from 1 to 200, not "0"'],
    ['?limit=201', 'limit must be'],
    ['?limit=1e1', 'limit must be'],
    ['?model=', 'model must be a name'],
    ['?cursor=!', 'cursor must be the `next` of an earlier page'],
    ['?cursor=MA', 'cursor must be'],
    ['?cursor=LTE', 'cursor must be'],
    ['?stat=done', 'unknown parameter "stat": allowed are state, model, label, limit, cursor'],
    ['?limit=0&cursor=x', 'limit must be a whole number from 1 to 200, not "0"; cursor must be'],
    ['?x%1b%5b31m=1', 'unknown parameter "x\ufffd[31m"'],
  ])('rejects %s and says what is allowed', async (query, words) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const answer = await get(url, `/jobs${query}`)
    const { error, code } = documentOf<ErrorDocument>(answer)
    expect([answer.status, code]).toEqual([400, 'bad_request'])
    expect(error).toContain(words)
  })
})
