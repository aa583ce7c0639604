// Table of job documents for given rows.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Job, NO_OPTIONS } from '../../src/daemon/domain/job.ts'
import type { JobDetail } from '../../src/daemon/domain/job-document.ts'
import { jobDocument, positionOf, timings, usage, withRaw } from '../../src/daemon/domain/job-document.ts'
import { job as example } from './job-example.ts'

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const job = (over: Partial<Job> = {}): Job =>
  example({ changes: 1, options: NO_OPTIONS, retryOf: null, caller: 'none', ...over })
const detail = (over: Partial<JobDetail> = {}): JobDetail => ({
  ...{ job: job(), artifacts: [], deliveries: [], result: null, queuePosition: null },
  ...over,
})
const CIRCUMSTANCES = { maxAttempts: 3, position: null, etaMs: null, waitingFor: null }
const shown = (over: Partial<JobDetail>, circumstances = {}, publicUrl: string | null = null) =>
  JSON.parse(jobDocument(detail(over), { ...CIRCUMSTANCES, ...circumstances }, publicUrl))

const NOTHING_MEASURED = {
  ...{ loadMs: null, evalMs: null, promptTokens: null, completionTokens: null, cachedTokens: null, doneReason: null },
}

describe('a job document', () => {
  it('has every documented field and no body', () => {
    const names =
      'job_id state model endpoint label attempt max_attempts position waiting_for created_at started_at finished_at timings ' +
      'usage done_reason error retry_of artifacts deliveries'
    expect(Object.keys(shown({}))).toEqual(names.split(' '))
  })

  it("has ISO times and the job's options", () => {
    const options = { ...NO_OPTIONS, label: 'nightly' }
    const times = { createdAt: Date.UTC(2026, 0, 6), finishedAt: Date.UTC(2026, 0, 7) }
    expect(shown({ job: job({ ...times, options, retryOf: 'X', attempt: 2 }) })).toMatchObject({
      ...{ created_at: '2026-01-06T00:00:00.000Z', finished_at: '2026-01-07T00:00:00.000Z', started_at: null },
      ...{ label: 'nightly', retry_of: 'X', attempt: 2, max_attempts: 3 },
    })
  })

  it('has whole seconds to wait, or none if unknown', () => {
    expect(shown({}, { position: 2, etaMs: 1_200 })).toMatchObject({ position: 2, eta_seconds: 2 })
    expect(shown({}, { position: 2, etaMs: null, waitingFor: null })).not.toHaveProperty('eta_seconds')
  })

  it("has the target's result with unchanged numbers", () => {
    const json = bytes('{"eval_count":12345678901234567890,"f":1.0,\n "s":"a\\nb"}')
    const text = jobDocument(detail({ result: { json } }), CIRCUMSTANCES, null)
    expect(text).toContain('"result":{"eval_count":12345678901234567890,"f":1.0,  "s":"a\\nb"}')
    expect(JSON.parse(text).result.s).toBe('a\nb')
  })

  it('says that a result is too large, and leaves it out', () => {
    expect(shown({ result: { omitted: true } })).toMatchObject({ result_omitted: true })
    expect(shown({ result: { omitted: true } })).not.toHaveProperty('result')
    expect(shown({})).not.toHaveProperty('result_omitted')
  })

  it("has the job's error if there is one", () => {
    const error = { code: 'target_error', message: 'no', status: 500 } as const
    expect(shown({ job: job({ error }) }).error).toEqual(error)
    expect(shown({}).error).toBeNull()
  })
})

describe('an artifact in a document', () => {
  const artifact = (inline: Uint8Array<ArrayBuffer> | null) =>
    ({ name: 'completion', contentType: 'text/plain', bytes: 3, etag: 'e', inline }) as const
  const only = (inline: Uint8Array<ArrayBuffer> | null, publicUrl: string | null = null) =>
    shown({ artifacts: [artifact(inline)] }, {}, publicUrl).artifacts[0]
  const PATH = '/jobs/01JD0000000000000000000000/artifacts/completion'

  it('has its text', () => {
    expect(only(bytes('häh'))).toEqual({ name: 'completion', content_type: 'text/plain', bytes: 3, data: 'häh' })
    expect(only(bytes('')).data).toBe('')
  })
  it('has its text with a byte order mark', () => expect(only(bytes('\ufeffa')).data).toBe('\ufeffa'))
  it('has a URL if it is large', () => expect(only(null)).toMatchObject({ url: PATH }))
  it('has a URL if it is the response, however small', () => {
    const response = { ...artifact(bytes('{}')), name: 'response' } as const
    const [document] = shown({ artifacts: [response] }).artifacts
    expect(document).toMatchObject({ url: '/jobs/01JD0000000000000000000000/artifacts/response' })
    expect(document).not.toHaveProperty('data')
  })
  it('has a URL if it is not text', () => {
    expect(only(Uint8Array.of(0xff, 0xfe))).toMatchObject({ url: PATH })
    expect(only(Uint8Array.of(0xff, 0xfe))).not.toHaveProperty('data')
  })
  it('has the public address if one is set', () =>
    expect(only(null, 'https://f.example/x/').url).toBe(`https://f.example/x${PATH}`))
})

it('a delivery in a document has its tries and not its receiver', () => {
  const delivery = { n: 2, state: 'done', status: 'pending', tries: 1, reason: 'timeout', nextAt: 5, deliveredAt: null }
  expect(shown({ deliveries: [delivery as JobDetail['deliveries'][number]] }).deliveries).toEqual([
    {
      n: 2,
      state: 'done',
      status: 'pending',
      tries: 1,
      reason: 'timeout',
      next_try_at: '1970-01-01T00:00:00.005Z',
      delivered_at: null,
    },
  ])
})

describe('timings in a document', () => {
  const at = { createdAt: 1_000, startedAt: 3_000, claimedAt: 6_000, workingAt: 6_500, finishedAt: 9_000 }
  it.each<[string, Partial<Job>, ReturnType<typeof timings>]>([
    [
      'are unknown before it is sent',
      { createdAt: 1_000 },
      { queue_ms: null, load_ms: null, run_ms: null, eval_ms: null },
    ],
    [
      'go from the last sending, the queue to the first',
      at,
      { queue_ms: 2_000, load_ms: 500, run_ms: 3_000, eval_ms: null },
    ],
    [
      'have no load where the model was resident',
      { ...at, workingAt: 6_000 },
      { queue_ms: 2_000, load_ms: null, run_ms: 3_000, eval_ms: null },
    ],
    [
      "prefer the target's own load",
      { ...at, measured: { ...NOTHING_MEASURED, loadMs: 77, evalMs: 2_500 } },
      { queue_ms: 2_000, load_ms: 77, run_ms: 3_000, eval_ms: 2_500 },
    ],
    [
      'are never negative',
      { ...at, startedAt: 500, finishedAt: 100 },
      { queue_ms: 0, load_ms: 500, run_ms: 0, eval_ms: null },
    ],
  ])('are right for: %s', (_name, row, expected) => expect(timings(job(row))).toEqual(expected))
})

it('token counts are shown if the target counted any', () => {
  expect(usage(job())).toBeNull()
  expect(usage(job({ measured: { ...NOTHING_MEASURED, loadMs: 3 } }))).toBeNull()
  const counted = { ...NOTHING_MEASURED, completionTokens: 0 }
  expect(usage(job({ measured: counted }))).toEqual({
    ...{ prompt_tokens: null, completion_tokens: 0, cached_prompt_tokens: null },
  })
})

it('the queue position counts all jobs that are sent before it', () => {
  const queuePosition = {
    ahead: [
      { affinity: 'a', jobs: 2 },
      { affinity: 'b', jobs: 1 },
    ],
  }
  expect(positionOf(null, true)).toBeNull()
  expect(positionOf(queuePosition, false)).toBe(3)
  expect(positionOf(queuePosition, true)).toBe(4)
})

it('raw JSON stays one line with the same meaning, whatever it contains', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const spaced = JSON.stringify(JSON.parse(json), null, 2)
      const line = withRaw('{"number":1}', 'data', spaced)
      expect(line).not.toContain('\n')
      expect(JSON.parse(line)).toEqual({ number: 1, data: JSON.parse(json) })
    }),
  )
})
