// Thinking and tool calls in the output of a job: the result equals Ollama's unstreamed answer, the artifact its stream.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { isSince } from '../../src/daemon/domain/ollama-version.ts'
import type { JobDocument } from '../../src/protocol/wire.ts'
import { type Answer, exchange, post } from './exchange.ts'
import { type Foreman, startForeman, until } from './foreman.ts'
import { likeness } from './likeness.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'
import { ACTING_REQUESTS } from './requests/acting.ts'

describeWithOllama('the job of', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama()
    foreman = await startForeman(ollama.url)
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await ollama?.stop()
  })

  async function done(body: object): Promise<JobDocument> {
    const receipt = await exchange(foreman.url, post('/jobs', body))
    expect(receipt.status, receipt.body.toString()).toBe(202)
    const { job_id } = JSON.parse(receipt.body.toString()) as { job_id: string }
    const look = async () => {
      const { body: seen } = await exchange(foreman.url, { method: 'GET', path: `/jobs/${job_id}` })
      return JSON.parse(seen.toString()) as JobDocument
    }
    const job = await until('the job is over', look, ({ finished_at }) => finished_at !== null)
    expect(job.state, JSON.stringify(job.error)).toBe('done')
    return job
  }

  const artifact = (job: JobDocument) =>
    exchange(foreman.url, { method: 'GET', path: `/jobs/${job.job_id}/artifacts/response` })
  /** Bodies only: an artifact has other headers. */
  const bodyOf = (answer: Answer) => likeness({ ...answer, headers: [] }).body

  test.for(ACTING_REQUESTS.map((request) => [request.what, request] as const))(
    '%s keeps what Ollama streams and answers',
    async ([, { path, body, shows, since }], { skip }) => {
      if (since !== undefined && !isSince(ollama.version, since)) skip(`since ${since}`)
      for (const stream of [true, false]) {
        const direct = await exchange(ollama.url, post(path, { ...body, stream }))
        expect(direct.body.toString()).toMatch(shows)
        const job = await done({ ...body, stream, endpoint: path })
        expect(bodyOf(await artifact(job))).toBe(bodyOf(direct))
        expect(JSON.stringify(job.result)).toMatch(shows)
      }
    },
  )
})
