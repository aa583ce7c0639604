// Operations of `/jobs` in the OpenAPI document.

import type { ErrorCode } from '../../../../protocol/error.ts'
import { STATES } from '../../../domain/job.ts'
import { JOB_ENDPOINTS } from '../../../request/job-options.ts'
import { MAX_PAGE_JOBS } from '../../jobs/list-query.ts'
import { MAX_WAIT_S } from '../../jobs/prefer.ts'
import { json, type Operation, type Response } from './operation.ts'
import { listOf, oneOf, orNull, ref, type Schema, text } from './schema.ts'

const path = (name: string, schema: Schema): Schema => ({ name, in: 'path', required: true, schema })
const query = (name: string, description: string, schema: Schema): Schema => ({
  name,
  in: 'query',
  description,
  schema,
})
const header = (name: string, description: string, schema: Schema): Schema => ({
  ...{ name, in: 'header', description, schema },
})

const ID = path('id', text())
const WAIT = header(
  'Prefer',
  `\`wait=N\`: holds the answer until the job is over, N seconds, at most ${MAX_WAIT_S}.`,
  text(),
)

/** What every answer about one job can be followed by. */
const LINKS = Object.fromEntries(
  ['getJob', 'cancelJob', 'retryJob', 'getJobEvents', 'deleteJob'].map((operationId) => [
    operationId,
    { operationId, parameters: { id: '$response.body#/job_id' } },
  ]),
)
const FIRST_WEBHOOK = { operationId: 'redeliver', parameters: { id: '$response.body#/job_id', n: 1 } }

const JOB_ID = { 'X-Foreman-Job-Id': { schema: text() }, Location: { schema: text() } }
const APPLIED = { 'Preference-Applied': { description: 'Of a wait that was granted.', schema: text() } }

const receipt: Response = {
  description: 'The job is on disk.',
  headers: {
    ...JOB_ID,
    ...APPLIED,
    'Idempotent-Replayed': { description: '`true`: the key is known, and this is its job.', schema: text() },
  },
  content: json('Receipt') ?? {},
  links: { ...LINKS, redeliver: FIRST_WEBHOOK },
}

const over: Response = { description: 'The job is over.', headers: APPLIED, content: json('Job') ?? {}, links: LINKS }

const DURATION = { type: 'string', pattern: '^[0-9]+(ms|s|m|h)$', examples: ['90s', '30m', '8h'] }

const SUBMISSION: Schema = {
  type: 'object',
  required: ['model'],
  description:
    'The request of the endpoint, with keys of foreman beside its own. Those are cut out; the rest goes to the target as it is.',
  properties: {
    model: { type: 'string', minLength: 1 },
    endpoint: { ...orNull(oneOf(JOB_ENDPOINTS)), default: '/api/chat' },
    label: orNull({ type: 'string', minLength: 1, maxLength: 200 }),
    state_webhook_url: orNull({ type: 'string', format: 'uri' }),
    webhook_events: orNull({ ...listOf(oneOf(STATES)), minItems: 1 }),
    start_before: orNull({ ...DURATION, description: 'Not started by then, it is cancelled. From 1s to 8760h.' }),
    finish_before: orNull({ ...DURATION, description: 'Not over by then, it is cancelled. From 1s to 8760h.' }),
  },
  additionalProperties: true,
}

/** Reading stays possible while the daemon stops; a store that has ended is `shutting_down`. */
const CHANGES: readonly ErrorCode[] = ['outcome_unknown']
const ADMISSION: readonly ErrorCode[] = ['queue_full', 'storage_full', ...CHANGES]

const view: Omit<Operation, 'id' | 'summary'> = {
  tag: 'jobs',
  parameters: [ID, WAIT],
  answers: { 200: { description: 'The job. Never its prompt.', headers: APPLIED, content: json('Job') ?? {} } },
  errors: ['job_not_found'],
}

const list: Omit<Operation, 'id' | 'summary'> = {
  tag: 'jobs',
  parameters: [
    query('state', 'Only these.', ref('JobState')),
    query('model', 'Only jobs for this model.', { type: 'string', minLength: 1 }),
    query('label', 'Only jobs with this label.', text()),
    query('limit', 'Jobs a page.', { type: 'integer', minimum: 1, maximum: MAX_PAGE_JOBS, default: 50 }),
    query('cursor', '`next` of the page before.', text()),
  ],
  answers: { 200: { description: 'One page, the newest first.', content: json('JobList') ?? {} } },
  errors: [],
}

/** Fifteen digits. */
const MAX_EVENT = 999_999_999_999_999

/** A stream is a text whose parts are JSON. */
const eventIn = (part: string): Schema => ({
  ...{ type: 'string', description: `One JobEvent in ${part}.` },
  ...{ contentMediaType: 'application/json', contentSchema: ref('JobEvent') },
})

const events: Omit<Operation, 'id' | 'summary'> = {
  tag: 'jobs',
  parameters: [
    ID,
    query('after', 'Only events of a higher number.', { type: 'integer', minimum: 0, maximum: MAX_EVENT }),
    header('Last-Event-ID', 'As `after`, by browsers.', { type: 'string', pattern: '^[0-9]{0,15}$' }),
  ],
  answers: {
    200: {
      description: 'Events until the job is over: NDJSON, or server-sent events for who accepts them.',
      headers: { 'X-Foreman-Job-Id': { schema: text() } },
      content: {
        'application/x-ndjson': { schema: eventIn('each line') },
        'text/event-stream': { schema: eventIn('each `data`') },
      },
    },
  },
  errors: ['job_not_found'],
}

const artifact: Omit<Operation, 'id' | 'summary'> = {
  tag: 'jobs',
  parameters: [
    ID,
    path('name', oneOf(['completion', 'response'])),
    header('Range', 'One range of bytes (RFC 9110).', text()),
    header('If-None-Match', 'ETags that the caller has.', text()),
  ],
  answers: {
    200: { description: 'All of it, with the type that the target gave it.', content: { '*/*': { schema: {} } } },
    206: { description: 'The range.', content: { '*/*': { schema: {} } } },
    304: { description: 'The caller has it.' },
  },
  errors: ['job_not_found', 'artifact_not_found', 'range_not_satisfiable'],
}

export const JOB_OPERATIONS: Readonly<Record<string, Operation>> = {
  'POST /jobs': {
    ...{ id: 'submitJob', tag: 'jobs', summary: 'Submit a job' },
    parameters: [
      WAIT,
      header('Idempotency-Key', 'The same key and body is the same job, as long as it is kept.', {
        ...{ type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
      }),
    ],
    requestBody: { required: true, content: { 'application/json': { schema: SUBMISSION } } },
    answers: { 200: over, 202: receipt },
    errors: [
      ...(['ambiguous_key', 'webhook_refused', 'model_not_found', 'body_too_large', 'unsupported_encoding'] as const),
      ...(['key_reused', 'too_much_in_flight', 'target_unreachable', ...ADMISSION] as const),
    ],
  },
  'GET /jobs': { id: 'listJobs', summary: 'List jobs', ...list },
  'HEAD /jobs': { id: 'headJobs', summary: 'The headers of the list', ...list },
  'GET /jobs/{id}': { id: 'getJob', summary: 'One job', ...view },
  'HEAD /jobs/{id}': { id: 'headJob', summary: 'Whether there is such a job', ...view },
  'DELETE /jobs/{id}': {
    ...{ id: 'deleteJob', tag: 'jobs', summary: 'Delete a finished job and all it holds', parameters: [ID] },
    answers: { 204: { description: 'It is gone.' } },
    errors: ['job_not_found', 'job_active', ...CHANGES],
  },
  'GET /jobs/{id}/events': { id: 'getJobEvents', summary: 'Watch a job', ...events },
  'HEAD /jobs/{id}/events': { id: 'headJobEvents', summary: 'The headers of the stream', ...events },
  'GET /jobs/{id}/artifacts/{name}': { id: 'getArtifact', summary: 'The bytes of an artifact', ...artifact },
  'HEAD /jobs/{id}/artifacts/{name}': { id: 'headArtifact', summary: 'Size and ETag of an artifact', ...artifact },
  'POST /jobs/{id}/cancel': {
    ...{ id: 'cancelJob', tag: 'jobs', summary: 'Cancel a job; safe twice', parameters: [ID] },
    answers: {
      200: { description: 'It is over.', content: json('Job') ?? {} },
      202: { description: 'It is being stopped.', content: json('Stopping') ?? {} },
    },
    errors: ['job_not_found', ...CHANGES],
  },
  'POST /jobs/{id}/retry': {
    ...{ id: 'retryJob', tag: 'jobs', summary: 'A new job with the same body', parameters: [ID, WAIT] },
    answers: { 200: over, 202: receipt },
    errors: ['job_not_found', 'job_active', 'body_gone', ...ADMISSION],
  },
  'POST /jobs/{id}/deliveries/{n}/redeliver': {
    ...{ id: 'redeliver', tag: 'jobs', summary: 'Send a webhook again' },
    parameters: [ID, path('n', { type: 'integer', minimum: 1 })],
    answers: { 202: { description: 'It is due.', content: json('Redelivery') ?? {} } },
    errors: ['job_not_found', 'delivery_not_found', ...CHANGES],
  },
}
