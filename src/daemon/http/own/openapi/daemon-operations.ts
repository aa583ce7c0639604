// Operations of the daemon itself in the OpenAPI document.

import { BACKUP_TYPE } from '../backup.ts'
import { json, type Operation } from './operation.ts'
import { orNull, yesOrNo } from './schema.ts'

const read = (id: string, summary: string, schema: string, more: Operation['answers'] = {}): Operation => ({
  ...{ id, summary, tag: 'daemon', errors: [] },
  answers: { 200: { description: summary, content: json(schema) ?? {} }, ...more },
})

const health = read('health', 'Whether the daemon lives; needs no token', 'Health')
const ready = read('ready', 'Whether it takes requests; needs no token', 'Readiness', {
  503: { description: 'It starts or stops.', content: json('Readiness') ?? {} },
})
const status = read('status', 'What target, queue and running job do now', 'Status')
const metrics: Operation = {
  ...{ id: 'metrics', summary: 'Counters and gauges for Prometheus', tag: 'daemon', errors: [] },
  answers: { 200: { description: 'Text format.', content: { 'text/plain': { schema: { type: 'string' } } } } },
}
const openapi: Operation = {
  ...{ id: 'openapi', summary: 'This document', tag: 'daemon', errors: [] },
  answers: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } } },
}

const head = (operation: Operation): Operation => ({
  ...operation,
  id: `${operation.id}Head`,
  summary: `The headers of: ${operation.summary}`,
})

const PAUSE = {
  type: 'object',
  additionalProperties: false,
  properties: {
    unload: orNull(yesOrNo('Unload every model of the target when the running job has ended.')),
    for: orNull({
      ...{ type: 'string', pattern: '^[0-9]+(ms|s|m|h)$' },
      description: 'The pause ends by itself after this, from 1s to 576h.',
    }),
  },
}

export const DAEMON_OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /healthz': health,
  'HEAD /healthz': head(health),
  'GET /readyz': ready,
  'HEAD /readyz': head(ready),
  'GET /status': status,
  'HEAD /status': head(status),
  'GET /metrics': metrics,
  'HEAD /metrics': head(metrics),
  'GET /openapi.json': openapi,
  'HEAD /openapi.json': head(openapi),
  'POST /pause': {
    ...{ id: 'pause', tag: 'daemon', summary: 'Send nothing new to the target' },
    requestBody: { required: false, content: { 'application/json': { schema: PAUSE } } },
    answers: { 200: { description: 'It is paused.', content: json('Pause') ?? {} } },
    errors: ['body_too_large', 'too_much_in_flight', 'outcome_unknown'],
  },
  'POST /resume': {
    ...{ id: 'resume', tag: 'daemon', summary: 'End a pause; safe twice' },
    answers: { 200: { description: 'It runs.', content: json('Pause') ?? {} } },
    errors: ['outcome_unknown'],
  },
  'POST /backup': {
    ...{ id: 'backup', tag: 'daemon', summary: 'A consistent copy of the database' },
    answers: {
      200: {
        description: 'An SQLite file.',
        content: { [BACKUP_TYPE]: { schema: { type: 'string', format: 'binary' } } },
      },
    },
    errors: ['storage_full', 'outcome_unknown'],
  },
}
