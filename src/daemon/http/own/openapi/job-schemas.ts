// Schemas of the documents of `/jobs`, as src/protocol/wire.ts and event.ts have their types.

import { STATES } from '../../../domain/job.ts'
import { count, listOf, object, oneOf, orNull, ref, type Schema, text, time } from './schema.ts'

const WAITING_REASONS = ['paused', 'storage_full', 'target_unreachable', 'backoff', 'draining', 'running']
const DELIVERY_REASONS = ['unreachable', 'timeout', 'not_accepted', 'refused_address', 'gone']

const jobId: Schema = { type: 'string', minLength: 1, description: 'ULID.' }

const summary = {
  job_id: jobId,
  state: ref('JobState'),
  model: text('As the caller wrote it.'),
  endpoint: text(),
  label: orNull(text()),
  attempt: count('Times it was sent; what was not the fault of the job is not counted.'),
  max_attempts: count(),
  position: orNull(count('Jobs to be sent before it, the running one included. Null when it does not wait.')),
  waiting_for: orNull(ref('WaitingFor')),
  created_at: time(),
  started_at: orNull(time('First sending.')),
  finished_at: orNull(time()),
  timings: ref('Timings'),
  usage: orNull(ref('Usage')),
  done_reason: orNull(text()),
  error: orNull(ref('JobError')),
  retry_of: orNull(text('The job that this one repeats.')),
}

const maybe = { eta_seconds: { type: 'number', minimum: 0, description: 'Seconds until it is likely to be sent.' } }

export const JOB_SCHEMAS: Readonly<Record<string, Schema>> = {
  JobState: oneOf(STATES, 'The last three are final.'),
  JobSummary: object(summary, maybe),
  Job: object(
    { ...summary, artifacts: listOf(ref('Artifact')), deliveries: listOf(ref('Delivery')) },
    {
      ...maybe,
      result: { description: 'What the endpoint answers unstreamed. Absent until `done`, and with `result_omitted`.' },
      result_omitted: { const: true, description: 'The result is larger than 256 KiB: read the artifact `response`.' },
    },
  ),
  JobList: object({
    jobs: listOf(ref('JobSummary')),
    next: orNull(text('Cursor of the next page; null on the last one.')),
  }),
  Receipt: object({
    job_id: jobId,
    state: ref('JobState'),
    position: orNull(count()),
    urls: object({ self: text(), events: text(), cancel: text() }),
  }),
  Stopping: object({ job_id: jobId, state: ref('JobState') }),
  Redelivery: object({ job_id: jobId, n: count(), status: { const: 'pending' } }),
  WaitingFor: object(
    { reason: oneOf(WAITING_REASONS), since: time() },
    { until: time(), job_id: text(), affinity: text() },
  ),
  Timings: object({
    queue_ms: orNull({ type: 'number' }),
    load_ms: orNull({ type: 'number' }),
    run_ms: orNull({ type: 'number' }),
    eval_ms: orNull({ type: 'number' }),
  }),
  Usage: object({
    prompt_tokens: orNull(count()),
    completion_tokens: orNull(count()),
    cached_prompt_tokens: orNull(count()),
  }),
  JobError: object({
    code: text('docs/errors.md.'),
    message: text(),
    status: orNull({ type: 'integer', description: "The target's HTTP status, where it gave one." }),
  }),
  Artifact: object(
    { name: oneOf(['completion', 'response']), content_type: text(), bytes: count() },
    { data: text('The text of `completion`, up to 256 KiB.'), url: text('Where it is, when `data` is absent.') },
  ),
  Delivery: object({
    n: { type: 'integer', minimum: 1, description: 'Number of the state change.' },
    state: ref('JobState'),
    status: oneOf(['pending', 'delivered', 'given_up']),
    tries: count(),
    reason: orNull(oneOf(DELIVERY_REASONS)),
    next_try_at: orNull(time()),
    delivered_at: orNull(time()),
  }),
  StateEvent: object(
    {
      number: count(),
      type: { const: 'state' },
      state: ref('JobState'),
      previous_state: orNull(ref('JobState')),
      attempt: count(),
      timestamp: time(),
    },
    { error: ref('JobError') },
  ),
  RecordEvent: object(
    { number: count(), type: { const: 'record' }, data: { description: 'The record, as the target wrote it.' } },
    { event: text("The event's name, on SSE that names it.") },
  ),
  JobEvent: { oneOf: [ref('StateEvent'), ref('RecordEvent')], description: 'One line of the stream.' },
}
