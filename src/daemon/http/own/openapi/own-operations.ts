// Operations of foreman itself in the OpenAPI document: async jobs, and the daemon.

import type { ErrorCode } from '../../../../protocol/error.ts'
import { STATES } from '../../../domain/job.ts'
import { DEADLINE, JOB_ENDPOINTS, MAX_LABEL_CHARS } from '../../../request/job-options.ts'
import { DEFAULT_PAGE_JOBS, MAX_PAGE_JOBS } from '../../jobs/job-list.ts'
import { MAX_WAIT_S } from '../../jobs/prefer-wait.ts'
import { BACKUP_TYPE } from '../backup.ts'
import { PAUSE_DURATION } from '../pause.ts'
import { answer, headerOf, type Operation, type Response } from './operation.ts'
import { listOf, oneOf, orNull, ref, type Schema, text, yesOrNo } from './schema.ts'

const parameterIn =
  (place: 'query' | 'header') =>
  (name: string, description: string, schema: Schema = text()): Schema => ({ name, in: place, description, schema })
const query = parameterIn('query')
const header = parameterIn('header')

const WAIT = header(
  'Prefer',
  `\`wait=N\`: delays the answer until the job is over, at most N seconds, N at most ${MAX_WAIT_S}.`,
)

const IDEMPOTENCY_KEY = header(
  'Idempotency-Key',
  'A request with the key and body of an earlier one gets the job of that one, as long as the job is kept.',
  { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
)

/** The operations that may follow an answer about one job. */
const LINKS = Object.fromEntries(
  ['getJob', 'cancelJob', 'retryJob', 'getJobEvents', 'deleteJob'].map((operationId) => [
    operationId,
    { operationId, parameters: { id: '$response.body#/job_id' } },
  ]),
)

const APPLIED = { 'Preference-Applied': headerOf('Present if a wait was granted.') }

const RECEIPT = answer('The job is on disk.', 'Receipt', {
  headers: {
    'X-Foreman-Job-Id': headerOf(),
    Location: headerOf(),
    ...APPLIED,
    'Idempotent-Replayed': headerOf('`true` if an earlier request with the same Idempotency-Key submitted the job.'),
  },
  links: { ...LINKS, redeliver: { operationId: 'redeliver', parameters: { id: '$response.body#/job_id', n: 1 } } },
})

const OVER = answer('The job is over.', 'Job', { headers: APPLIED, links: LINKS })

const DURATION = { type: 'string', pattern: '^[0-9]+(ms|s|m|h)$' }

const deadline = (passed: string): Schema =>
  orNull({
    ...DURATION,
    examples: ['90s', '30m', '8h'],
    description: `The job is cancelled if it has not ${passed} this long after its submission: ${DEADLINE.allowed}.`,
  })

const SUBMISSION: Schema = {
  type: 'object',
  required: ['model'],
  description:
    "The request body of the endpoint, with foreman's own keys among the others. These are cut out; the rest is sent to the target unchanged.",
  properties: {
    model: { type: 'string', minLength: 1 },
    endpoint: { ...orNull(oneOf(JOB_ENDPOINTS)), default: '/api/chat' },
    label: orNull({ type: 'string', minLength: 1, maxLength: MAX_LABEL_CHARS }),
    state_webhook_url: orNull({ type: 'string', format: 'uri' }),
    webhook_events: orNull({ ...listOf(oneOf(STATES)), minItems: 1 }),
    start_before: deadline('started'),
    finish_before: deadline('finished'),
  },
  additionalProperties: true,
}

const PAUSE: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    unload: orNull(yesOrNo('Whether to unload all models of the target once the running job is over.')),
    for: orNull({ ...DURATION, description: `The pause ends by itself after ${PAUSE_DURATION.allowed}.` }),
  },
}

const ADMISSION: readonly ErrorCode[] = ['queue_full', 'storage_full', 'outcome_unknown']

const integer = (minimum: number, maximum: number, more: Schema = {}): Schema => ({
  type: 'integer',
  minimum,
  maximum,
  ...more,
})

/** Fifteen digits. */
const MAX_EVENT = 999_999_999_999_999

/** A stream is a text whose parts are JSON. */
const eventIn = (part: string) => ({
  schema: {
    ...text(`One JobEvent in ${part}.`),
    contentMediaType: 'application/json',
    contentSchema: ref('JobEvent'),
  },
})

const content = (type: string, description: string, schema: Schema = {}): Response => ({
  description,
  content: { [type]: { schema } },
})

const row = (id: string, summary: string, more: Omit<Operation, 'id' | 'summary'>): Operation => ({
  id,
  summary,
  ...more,
})

/** By method and path. HEAD has no row: it is described as its GET. */
export const OWN_OPERATIONS: Readonly<Record<string, Operation>> = {
  'POST /jobs': row('submitJob', 'Submit a job', {
    parameters: [WAIT, IDEMPOTENCY_KEY],
    requestBody: { required: true, content: { 'application/json': { schema: SUBMISSION } } },
    answers: { 200: OVER, 202: RECEIPT },
    errors: [
      ...(['ambiguous_key', 'webhook_refused', 'model_not_found', 'body_too_large', 'unsupported_encoding'] as const),
      ...(['key_reused', 'too_much_in_flight', 'target_unreachable', ...ADMISSION] as const),
    ],
  }),
  'GET /jobs': row('listJobs', 'List jobs', {
    parameters: [
      query('state', 'Only jobs in this state.', ref('JobState')),
      query('model', 'Only jobs for this model.', { type: 'string', minLength: 1 }),
      query('label', 'Only jobs with this label.'),
      query('limit', 'Number of jobs on a page.', integer(1, MAX_PAGE_JOBS, { default: DEFAULT_PAGE_JOBS })),
      query('cursor', 'The `next` of the page before.'),
    ],
    answers: { 200: answer('One page, the newest job first.', 'JobList') },
  }),
  'GET /jobs/{id}': row('getJob', 'Get a job', {
    parameters: [WAIT],
    answers: { 200: answer('The job. It never contains the prompt.', 'Job', { headers: APPLIED }) },
    errors: ['job_not_found'],
  }),
  'DELETE /jobs/{id}': row('deleteJob', 'Delete a finished job with its artifacts and webhooks', {
    answers: { 204: { description: 'The job is deleted.' } },
    errors: ['job_not_found', 'job_active', 'outcome_unknown'],
  }),
  'GET /jobs/{id}/events': row('getJobEvents', 'Watch a job', {
    parameters: [
      query('after', 'Only events with a higher number.', integer(0, MAX_EVENT)),
      header('Last-Event-ID', 'As `after`; browsers send it when they reconnect.', {
        type: 'string',
        pattern: '^[0-9]{0,15}$',
      }),
    ],
    answers: {
      200: {
        description: 'The events until the job is over, as NDJSON, or as server-sent events if `Accept` names them.',
        headers: { 'X-Foreman-Job-Id': headerOf() },
        content: { 'application/x-ndjson': eventIn('each line'), 'text/event-stream': eventIn('each `data`') },
      },
    },
    errors: ['job_not_found'],
  }),
  'GET /jobs/{id}/artifacts/{name}': row('getArtifact', 'Get the bytes of an artifact', {
    parameters: [
      header('Range', 'One range of bytes (RFC 9110).'),
      header('If-None-Match', 'The ETags that the caller has.'),
    ],
    answers: {
      200: content('*/*', 'The whole artifact, with the content type that the target sent.'),
      206: content('*/*', 'The range.'),
      304: { description: 'The caller has the artifact already.' },
    },
    errors: ['job_not_found', 'artifact_not_found', 'range_not_satisfiable'],
  }),
  'POST /jobs/{id}/cancel': row('cancelJob', 'Cancel a job; a second call does nothing', {
    answers: { 200: answer('The job is over.', 'Job'), 202: answer('The job is being stopped.', 'Stopping') },
    errors: ['job_not_found', 'outcome_unknown'],
  }),
  'POST /jobs/{id}/retry': row('retryJob', 'Submit a new job with the same body', {
    parameters: [WAIT],
    answers: { 200: OVER, 202: RECEIPT },
    errors: ['job_not_found', 'job_active', 'body_gone', ...ADMISSION],
  }),
  'POST /jobs/{id}/deliveries/{n}/redeliver': row('redeliver', 'Send a webhook again', {
    answers: { 202: answer('The webhook is due now.', 'Redelivery') },
    errors: ['job_not_found', 'delivery_not_found', 'outcome_unknown'],
  }),

  'GET /healthz': row('health', 'Whether the daemon is alive; needs no token', {
    answers: { 200: answer('The daemon is alive.', 'Health') },
  }),
  'GET /readyz': row('ready', 'Whether the daemon takes requests; needs no token', {
    answers: {
      200: answer('The daemon takes requests.', 'Readiness'),
      503: answer('The daemon is starting or stopping.', 'Readiness'),
    },
  }),
  'GET /status': row('status', 'The state of the target, the queue and the running job', {
    answers: { 200: answer('The status.', 'Status') },
  }),
  'GET /metrics': row('metrics', 'Counters and gauges for Prometheus', {
    answers: { 200: content('text/plain', 'The text format of Prometheus.', text()) },
  }),
  'GET /openapi.json': row('openapi', 'This document', {
    answers: { 200: content('application/json', 'OpenAPI 3.1.', { type: 'object' }) },
  }),
  'POST /pause': row('pause', 'Stop sending jobs to the target; the running job continues', {
    requestBody: { required: false, content: { 'application/json': { schema: PAUSE } } },
    answers: { 200: answer('The queue is paused.', 'Pause') },
    errors: ['body_too_large', 'too_much_in_flight', 'outcome_unknown'],
  }),
  'POST /resume': row('resume', 'End a pause; a second call does nothing', {
    answers: { 200: answer('The queue is not paused.', 'Pause') },
    errors: ['outcome_unknown'],
  }),
  'POST /backup': row('backup', 'Get a consistent copy of the database', {
    answers: { 200: content(BACKUP_TYPE, 'An SQLite file.', { type: 'string', format: 'binary' }) },
    errors: ['storage_full', 'outcome_unknown'],
  }),
}
