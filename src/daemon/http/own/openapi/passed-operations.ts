// Operations of Ollama, OpenAI and Anthropic in the OpenAPI document. Their requests and answers are the target's: only what
// foreman adds is described.

import type { ErrorCode } from '../../../../protocol/error.ts'
import { ENDPOINTS, type EndpointPath } from '../../../domain/endpoint.ts'
import type { Method, TargetGroup } from '../../call.ts'
import type { Operation, Response } from './operation.ts'
import { text } from './schema.ts'

const BODY: readonly ErrorCode[] = ['body_too_large', 'unsupported_encoding', 'too_much_in_flight']
const LOSSES: readonly ErrorCode[] = ['target_unreachable', 'connection_lost', 'bad_answer', 'incomplete_stream']

const ERRORS: Readonly<Record<TargetGroup, readonly ErrorCode[]>> = {
  queued: [
    ...BODY,
    ...LOSSES,
    ...(['ambiguous_key', 'key_in_use', 'cancelled', 'queue_full', 'storage_full', 'outcome_unknown'] as const),
    ...(['attempts_exhausted', 'stream_broken', 'stalled', 'run_limit', 'target_error'] as const),
  ],
  embeddings: [...BODY, ...LOSSES, 'ambiguous_key', 'embed_queue_full', 'storage_full'],
  inventory: ['target_unreachable'],
  show: [...BODY, ...LOSSES, 'ambiguous_key'],
  direct: [...BODY, ...LOSSES],
  management: [...BODY, ...LOSSES, 'management_disabled'],
}

const SUMMARIES: Readonly<Record<TargetGroup, string>> = {
  queued: 'waits in the queue, then the bytes of the target',
  embeddings: 'goes to the target at once, some at a time',
  inventory: 'answered from the last look at the target, also while it sleeps',
  show: 'asked of the target; the last answer is kept for when it sleeps',
  direct: 'passed on at once',
  management: 'passed on at once, with FOREMAN_ALLOW_MANAGEMENT only',
}

const TARGETS: Response = {
  description: "The target's own answer, as it came: its status, its type, its bytes.",
  headers: {
    'X-Foreman-Target': { description: '`unreachable`: the target sleeps, and this was kept.', schema: text() },
  },
}

/** The operation id is unique for each path and method. */
export function passedOperation(path: string, group: TargetGroup, method: Method): Operation {
  const isQueued = group === 'queued'
  const answer: Response = isQueued
    ? { ...TARGETS, headers: { 'X-Foreman-Job-Id': { description: 'The job of this call.', schema: text() } } }
    : TARGETS
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: text() },
  }))
  return {
    id: `${method.toLowerCase()}${path.replace(/[^a-z0-9]+(\w?)/gi, (_, letter: string) => letter.toUpperCase())}`,
    tag: isQueued ? 'queued' : 'direct',
    summary: `${path}: ${SUMMARIES[group]}`,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(method === 'POST' ? { requestBody: requestBody(path) } : {}),
    answers: { 200: answer, default: TARGETS },
    errors: ERRORS[group],
  }
}

function requestBody(path: string): NonNullable<Operation['requestBody']> {
  const isForm = path in ENDPOINTS && ENDPOINTS[path as EndpointPath].body !== 'json'
  const type = isForm ? 'multipart/form-data' : 'application/json'
  return { description: 'Passed on byte for byte.', content: { [type]: { schema: {} } } }
}
