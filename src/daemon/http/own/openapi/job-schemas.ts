// Schemas of the documents of `/jobs`. Their keys are those of the types in src/protocol/.

import type { RecordEvent, StateEvent } from '../../../../protocol/event.ts'
import type * as wire from '../../../../protocol/wire.ts'
import { STATES } from '../../../domain/job.ts'
import { amount, count, type Described, listOf, object, oneOf, orNull, ref, type Schema, text, time } from './schema.ts'

const WAITING_REASONS = ['paused', 'storage_full', 'target_unreachable', 'backoff', 'draining', 'running']
const DELIVERY_REASONS = ['unreachable', 'timeout', 'not_accepted', 'refused_address', 'gone']

const jobId: Schema = { type: 'string', minLength: 1, description: 'A ULID.' }
const ms: Schema = orNull({ type: 'number' })

const SUMMARY: Described<wire.JobSummary> = {
  job_id: jobId,
  state: ref('JobState'),
  model: text('As the caller wrote it.'),
  endpoint: text(),
  label: orNull(text()),
  attempt: count('How often the job was sent. Failures that it did not cause are not counted.'),
  max_attempts: count(),
  position: orNull(count('Jobs to be sent before it, including the running one. Null if it is not waiting.')),
  waiting_for: orNull(ref('WaitingFor')),
  created_at: time(),
  started_at: orNull(time('When it was first sent; null before.')),
  finished_at: orNull(time()),
  timings: ref('Timings'),
  usage: orNull(ref('Usage')),
  done_reason: orNull(text()),
  error: orNull(ref('JobError')),
  retry_of: orNull(text('The id of the job that this one repeats.')),
  eta_seconds: amount('Estimated seconds until it is sent.'),
}

export const JOB_SCHEMAS: Readonly<Record<string, Schema>> = {
  JobState: oneOf(STATES, 'The last three are final.'),
  JobSummary: object<wire.JobSummary>(SUMMARY, ['eta_seconds']),
  Job: object<wire.JobDocument>(
    {
      ...SUMMARY,
      artifacts: listOf(ref('Artifact')),
      deliveries: listOf(ref('Delivery')),
      result: {
        description: "The endpoint's answer as if it had not been streamed. Absent until `done`, and if omitted.",
      },
      result_omitted: { const: true, description: 'The result is larger than 256 KiB: read the artifact `response`.' },
    },
    ['eta_seconds', 'result', 'result_omitted'],
  ),
  JobList: object<wire.JobListDocument>({
    jobs: listOf(ref('JobSummary')),
    next: orNull(text('The cursor of the next page; null on the last page.')),
  }),
  Receipt: object<wire.ReceiptDocument>({
    job_id: jobId,
    state: ref('JobState'),
    position: orNull(count()),
    urls: object<wire.ReceiptDocument['urls']>({ self: text(), events: text(), cancel: text() }),
  }),
  Stopping: object({ job_id: jobId, state: ref('JobState') }),
  Redelivery: object({ job_id: jobId, n: count(), status: { const: 'pending' } }),
  WaitingFor: object<wire.WaitingForDocument>(
    { reason: oneOf(WAITING_REASONS), since: time(), until: time(), job_id: text(), affinity: text() },
    ['until', 'job_id', 'affinity'],
  ),
  Timings: object<wire.TimingsDocument>({ queue_ms: ms, load_ms: ms, run_ms: ms, eval_ms: ms }),
  Usage: object<wire.UsageDocument>({
    prompt_tokens: orNull(count()),
    completion_tokens: orNull(count()),
    cached_prompt_tokens: orNull(count()),
  }),
  JobError: object<wire.JobErrorDocument>({
    code: text('One of the codes in docs/errors.md.'),
    message: text(),
    status: orNull({ type: 'integer', description: "The target's HTTP status; null if it sent none." }),
  }),
  Artifact: object<wire.ArtifactDocument>(
    {
      name: oneOf(['completion', 'response']),
      content_type: text(),
      bytes: count(),
      data: text('The text of `completion`, if it has at most 256 KiB.'),
      url: text('Where to get the artifact if `data` is absent.'),
    },
    ['data', 'url'],
  ),
  Delivery: object<wire.DeliveryDocument>({
    n: { type: 'integer', minimum: 1, description: 'The number of the state change.' },
    state: ref('JobState'),
    status: oneOf(['pending', 'delivered', 'given_up']),
    tries: count(),
    reason: orNull(oneOf(DELIVERY_REASONS)),
    next_try_at: orNull(time()),
    delivered_at: orNull(time()),
  }),
  StateEvent: object<StateEvent>(
    {
      number: count(),
      type: { const: 'state' },
      state: ref('JobState'),
      previous_state: orNull(ref('JobState')),
      attempt: count(),
      timestamp: time(),
      error: ref('JobError'),
    },
    ['error'],
  ),
  RecordEvent: object<RecordEvent>(
    {
      number: count(),
      type: { const: 'record' },
      data: { description: 'The record as the target wrote it.' },
      event: text('The name of the server-sent event, if it has one.'),
    },
    ['event'],
  ),
  JobEvent: { oneOf: [ref('StateEvent'), ref('RecordEvent')], description: 'One event of the stream.' },
}
