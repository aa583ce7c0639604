// Table of verdicts on an attempt: event at the target × kind of caller × number of attempts.

import { describe, expect, it } from 'vitest'
import { type AttemptContext, type AttemptOutcome, decide, targetErrorText } from '../../src/daemon/domain/attempt.ts'
import { type Job, TRANSITIONS } from '../../src/daemon/domain/job.ts'
import { job } from './job-example.ts'

const complete = { kind: 'complete' } as const
const incomplete = { kind: 'incomplete' } as const
const context: AttemptContext = { now: 1_000, maxAttempts: 3, delivered: false, random: 0.5 }
const lost = { kind: 'lost', reached: true, message: 'other side closed', verdict: incomplete } as const
const busyBody = '{"error":"server busy, please try again.  maximum pending requests exceeded"}'

interface Row {
  readonly name: string
  readonly outcome: AttemptOutcome
  readonly job?: Partial<Job>
  readonly context?: Partial<AttemptContext>
  readonly event: string
  readonly code?: string
}

const rows: readonly Row[] = [
  { name: 'a complete answer is done', outcome: { kind: 'answered', verdict: complete }, event: 'completed' },
  {
    name: 'a clean end without the marker is not',
    outcome: { kind: 'answered', verdict: incomplete },
    event: 'incomplete_stream',
    code: 'incomplete_stream',
  },
  {
    name: 'an error record fails the job with its own text',
    outcome: { kind: 'answered', verdict: { kind: 'error', message: 'out of memory' } },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: 'what is no Ollama fails the job',
    outcome: { kind: 'bad_answer', detail: 'HTML' },
    event: 'bad_answer',
    code: 'bad_answer',
  },
  {
    name: 'a redirect is no Ollama',
    outcome: { kind: 'http_error', status: 302, body: '', retryAfter: null },
    event: 'bad_answer',
    code: 'bad_answer',
  },
  {
    name: 'an HTTP error is final',
    outcome: { kind: 'http_error', status: 500, body: '{"error":"boom"}', retryAfter: null },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: '503 "server busy" waits',
    outcome: { kind: 'http_error', status: 503, body: busyBody, retryAfter: null },
    event: 'target_busy',
  },
  {
    name: '503 with another text is final',
    outcome: { kind: 'http_error', status: 503, body: '{"error":"no"}', retryAfter: null },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: "a proxy's 502 waits",
    outcome: { kind: 'http_error', status: 502, body: '<html>', retryAfter: null },
    event: 'target_busy',
  },
  {
    name: "a proxy's 504 waits",
    outcome: { kind: 'http_error', status: 504, body: '', retryAfter: null },
    event: 'target_busy',
  },
  {
    name: "a proxy's 503 waits",
    outcome: { kind: 'http_error', status: 503, body: '<html>', retryAfter: null },
    event: 'target_busy',
  },
  {
    name: '429 with Retry-After waits if nobody waits for the job',
    outcome: { kind: 'http_error', status: 429, body: '{"error":"slow down"}', retryAfter: '7' },
    job: { caller: 'none' },
    event: 'target_busy',
  },
  {
    name: '503 with Retry-After waits if nobody waits for the job',
    outcome: { kind: 'http_error', status: 503, body: '{"error":"overloaded"}', retryAfter: '7' },
    job: { caller: 'none' },
    event: 'target_busy',
  },
  {
    name: '429 with Retry-After is final for a waiting caller',
    outcome: { kind: 'http_error', status: 429, body: '{"error":"slow down"}', retryAfter: '7' },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: '429 without Retry-After is final',
    outcome: { kind: 'http_error', status: 429, body: '{"error":"slow down"}', retryAfter: null },
    job: { caller: 'none' },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: '500 with Retry-After is final',
    outcome: { kind: 'http_error', status: 500, body: '{"error":"boom"}', retryAfter: '7' },
    job: { caller: 'none' },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: "Ollama's own 502 (a cloud model) is final",
    outcome: { kind: 'http_error', status: 502, body: '{"error":"upstream"}', retryAfter: null },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: 'busy thirty times is final',
    outcome: { kind: 'http_error', status: 503, body: busyBody, retryAfter: null },
    job: { bounces: 30 },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: 'busy twenty-nine times is not',
    outcome: { kind: 'http_error', status: 503, body: busyBody, retryAfter: null },
    job: { bounces: 29 },
    event: 'target_busy',
  },
  {
    name: 'never reached spends nothing',
    outcome: { ...lost, reached: false },
    job: { attempt: 3 },
    event: 'unreached',
  },
  {
    name: 'never reached thirty times counts like lost',
    outcome: { ...lost, reached: false },
    job: { bounces: 30, attempt: 3 },
    event: 'attempts_exhausted',
    code: 'attempts_exhausted',
  },
  { name: 'lost after the first attempt is tried again', outcome: lost, job: { attempt: 1 }, event: 'connection_lost' },
  {
    name: 'lost after the last attempt fails',
    outcome: lost,
    job: { attempt: 3 },
    event: 'attempts_exhausted',
    code: 'attempts_exhausted',
  },
  {
    name: 'lost when a live caller has bytes breaks the stream, attempts left or not',
    outcome: lost,
    context: { delivered: true },
    event: 'stream_broken',
    code: 'stream_broken',
  },
  {
    name: 'lost when a watcher has bytes is tried again',
    outcome: lost,
    job: { caller: 'none' },
    context: { delivered: true },
    event: 'connection_lost',
  },
  { name: 'cut after the marker is whole', outcome: { ...lost, verdict: complete }, event: 'completed' },
  {
    name: 'cut after an error record is that error',
    outcome: { ...lost, verdict: { kind: 'error', message: 'x' } },
    event: 'target_error',
    code: 'target_error',
  },
  {
    name: 'a cancel call cancels',
    outcome: { kind: 'stopped', reason: 'cancelled' },
    event: 'cancelled',
    code: 'cancelled',
  },
  {
    name: 'a caller who is gone cancels',
    outcome: { kind: 'stopped', reason: 'caller_gone' },
    event: 'cancelled',
    code: 'caller_gone',
  },
  {
    name: 'a stop cancels a live job',
    outcome: { kind: 'stopped', reason: 'shutting_down' },
    event: 'cancelled',
    code: 'shutting_down',
  },
  {
    name: 'a stop gives an async job back',
    outcome: { kind: 'stopped', reason: 'shutting_down' },
    job: { caller: 'none' },
    event: 'interrupted',
  },
  {
    name: 'a stalled run fails',
    outcome: { kind: 'stopped', reason: 'stalled', limit: '30m' },
    event: 'stalled',
    code: 'stalled',
  },
  {
    name: 'a run over its limit fails',
    outcome: { kind: 'stopped', reason: 'run_limit', limit: '1h' },
    event: 'run_limit',
    code: 'run_limit',
  },
  {
    name: 'an answer too large to keep fails',
    outcome: { kind: 'stopped', reason: 'answer_too_large', limit: '1 B' },
    event: 'answer_too_large',
    code: 'answer_too_large',
  },
]

describe('the outcome of an attempt', () => {
  it.each(rows)('is right for $name', (row) => {
    const decision = decide(row.outcome, job({ state: 'working', attempt: 1, ...row.job }), {
      ...context,
      ...row.context,
    })
    expect(decision.event).toBe(row.event)
    expect(decision.error?.code).toBe(row.code)
  })

  it('has an error for every failed or cancelled job, and for no other', () => {
    for (const row of rows) {
      const decision = decide(row.outcome, job({ state: 'working', attempt: 1, ...row.job }), {
        ...context,
        ...row.context,
      })
      const { to } = TRANSITIONS[decision.event]
      expect([row.name, decision.error !== undefined]).toEqual([row.name, to === 'failed' || to === 'cancelled'])
    }
  })

  it.each([
    ['a shorter wait than the backoff', 'none', '1', 4_000],
    ['a longer wait', 'none', '90', 90_000],
    ['a date', 'none', new Date(91_000).toUTCString(), 90_000],
    ['a day', 'none', '86400', 3_600_000],
    ['nonsense', 'none', '-5', 4_000],
    ['an hour, while a caller waits', 'live', '3600', 4_000],
  ] as const)('of a busy target with %s waits for that time, within limits', (_name, caller, retryAfter, wait) => {
    const outcome = { kind: 'http_error', status: 503, body: busyBody, retryAfter } as const
    const decision = decide(outcome, job({ caller, bounces: 2 }), context)
    expect([decision.event, (decision.availableAt ?? 0) - context.now]).toEqual(['target_busy', wait])
  })

  it('waits longer after each lost connection', () => {
    const at = (attempt: number) => decide(lost, job({ attempt }), { ...context, maxAttempts: 9 }).availableAt
    expect([at(1), at(2), at(3)]).toEqual([2_000, 3_000, 5_000])
  })
})

describe('the error text of the target', () => {
  it.each([
    ['{"error":"boom"}', 'boom'],
    ['{"error":{"message":"boom","type":"api_error"}}', 'boom'],
    ['{"type":"error","error":{"type":"api_error","message":"boom"}}', 'boom'],
    ['{"ok":true}', null],
    ['<html>', null],
    ['', null],
    ['null', null],
  ])('%s becomes %s', (body, text) => {
    expect(targetErrorText(body)).toBe(text)
  })
})
