// Operations of Ollama, OpenAI and Anthropic in the OpenAPI document. Their requests and answers are the target's, so only
// what foreman adds is described.

import type { ErrorCode } from '../../../../protocol/error.ts'
import { ENDPOINTS, type EndpointPath } from '../../../domain/endpoint.ts'
import type { Method, TargetGroup } from '../../call.ts'
import { headerOf, type Operation, type Response } from './operation.ts'

const BODY: readonly ErrorCode[] = ['body_too_large', 'unsupported_encoding', 'too_much_in_flight']
const SENT: readonly ErrorCode[] = [
  ...BODY,
  ...(['target_unreachable', 'connection_lost', 'bad_answer', 'incomplete_stream'] as const),
]

interface GroupDescription {
  readonly summary: string
  readonly errors: readonly ErrorCode[]
}

const GROUPS: Readonly<Record<TargetGroup, GroupDescription>> = {
  queued: {
    summary: "waits in the queue, then streams the target's answer",
    errors: [
      ...SENT,
      ...(['ambiguous_key', 'key_in_use', 'cancelled', 'queue_full', 'storage_full', 'outcome_unknown'] as const),
      ...(['attempts_exhausted', 'stream_broken', 'stalled', 'run_limit', 'target_error'] as const),
    ],
  },
  embeddings: {
    summary: 'is sent to the target at once, if fewer than FOREMAN_EMBED_CONCURRENCY are there',
    errors: [...SENT, 'ambiguous_key', 'embed_queue_full', 'storage_full'],
  },
  inventory: {
    summary: 'is answered from the last probe of the target, also while the target is unreachable',
    errors: ['target_unreachable'],
  },
  show: {
    summary: 'is sent to the target at once; the last answer is kept for when it is unreachable',
    errors: [...SENT, 'ambiguous_key'],
  },
  direct: { summary: 'is sent to the target at once', errors: SENT },
  management: {
    summary: 'is sent to the target at once, if FOREMAN_ALLOW_MANAGEMENT is true',
    errors: [...SENT, 'management_disabled'],
  },
}

const TARGETS: Response = {
  description: "The target's own answer, unchanged: its status, its headers and its bytes.",
  headers: {
    'X-Foreman-Target': headerOf('`unreachable` if the target does not answer and this is the last known answer.'),
  },
}
const QUEUED: Response = { ...TARGETS, headers: { 'X-Foreman-Job-Id': headerOf('The id of the job of this call.') } }

/** The operation id is unique for each path and method. */
export function passedOperation(path: string, group: TargetGroup, method: Method): Operation {
  const { summary, errors } = GROUPS[group]
  return {
    id: `${method.toLowerCase()}${path.replace(/[^a-z0-9]+(\w?)/gi, (_, letter: string) => letter.toUpperCase())}`,
    summary: `${path} ${summary}`,
    ...(method === 'POST' ? { requestBody: requestBody(path) } : {}),
    answers: { 200: group === 'queued' ? QUEUED : TARGETS, default: TARGETS },
    errors,
  }
}

function requestBody(path: string): NonNullable<Operation['requestBody']> {
  const isForm = path in ENDPOINTS && ENDPOINTS[path as EndpointPath].body !== 'json'
  const type = isForm ? 'multipart/form-data' : 'application/json'
  return { description: 'Sent to the target byte for byte.', content: { [type]: { schema: {} } } }
}
