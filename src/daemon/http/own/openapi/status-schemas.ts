// Schemas of `/status`, `/pause`, health and of the errors of each surface.

import { count, listOf, object, oneOf, orNull, ref, type Schema, text, time, yesOrNo } from './schema.ts'

const number: Schema = { type: 'number', minimum: 0 }
const PHASES = ['starting', 'ready', 'stopping']

const resident = object({
  model: text(),
  size: number,
  size_vram: number,
  context_length: orNull(count()),
  expires_at: text(),
})

const running = object({
  job_id: text(),
  model: text(),
  endpoint: text(),
  state: ref('JobState'),
  attempt: count(),
  caller: oneOf(['live', 'none']),
  running_ms: number,
  silent_ms: number,
  bytes: count(),
})

const backlog = object({
  model: text(),
  waiting: count(),
  oldest_wait_ms: number,
  waiting_for: orNull(ref('WaitingFor')),
})

export const STATUS_SCHEMAS: Readonly<Record<string, Schema>> = {
  Status: object({
    version: text(),
    phase: oneOf(PHASES),
    paused: yesOrNo(),
    pause: ref('Pause'),
    degraded: yesOrNo('The target does not answer.'),
    target: object({
      url: text(),
      reachable: orNull(yesOrNo('Null before the first probe has ended.')),
      reason: orNull(text()),
      version: orNull(text()),
      probed_at: orNull(time()),
      resident: listOf(resident),
      slots_too_few: yesOrNo(),
    }),
    running: orNull(ref('Running')),
    queue: object({
      waiting: count(),
      bytes: count(),
      by_model: listOf(backlog),
      oldest_wait_ms: orNull(number),
    }),
    drain: object({
      affinity: orNull(text()),
      swapped_at: orNull(time()),
      drained_ms: number,
      limit_ms: count(),
      turns_to: orNull(text()),
      turns_at: orNull(time()),
    }),
    counters: object({
      callers: count(),
      jobs: { type: 'object', additionalProperties: count() },
      swaps: count(),
      swaps_saved: count(),
      loads: object({ predicted: count(), happened: count(), unforeseen: count() }),
    }),
  }),
  Running: running,
  Pause: object({
    paused: yesOrNo(),
    since: orNull(time()),
    until: orNull(time('When it ends by itself; null until `POST /resume`.')),
    unload: orNull(ref('Unload')),
  }),
  Unload: object({
    state: oneOf(['pending', 'done', 'incomplete', 'given_up']),
    unloaded: listOf(text()),
    still_loaded: listOf(text()),
    reason: orNull(text()),
  }),
  Health: object({ status: { const: 'ok' }, degraded: yesOrNo() }, { reason: text() }),
  Readiness: object({ status: oneOf(PHASES) }),
  Error: object({ error: text(), code: text('docs/errors.md.') }),
  OllamaError: object({ error: text() }),
  OpenAIError: object({
    error: object({ message: text(), type: text(), param: { type: 'null' }, code: orNull(text()) }),
  }),
  AnthropicError: object({
    type: { const: 'error' },
    error: object({ type: text(), message: text() }),
    request_id: text(),
  }),
}
