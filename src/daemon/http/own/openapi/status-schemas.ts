// Schemas of `/status`, `/pause` and health, and of the errors of each surface.

import type * as wire from '../../../../protocol/wire.ts'
import { amount, count, listOf, object, oneOf, orNull, ref, type Schema, text, time, yesOrNo } from './schema.ts'

const PHASES = ['starting', 'ready', 'stopping']

const resident = object<wire.ResidentDocument>({
  model: text(),
  size: amount(),
  size_vram: amount(),
  context_length: orNull(count()),
  expires_at: text(),
})

const backlog = object<wire.BacklogDocument>({
  model: text(),
  waiting: count(),
  oldest_wait_ms: amount(),
  waiting_for: orNull(ref('WaitingFor')),
})

export const STATUS_SCHEMAS: Readonly<Record<string, Schema>> = {
  Status: object<wire.StatusDocument>({
    version: text(),
    phase: oneOf(PHASES),
    paused: yesOrNo(),
    pause: ref('Pause'),
    degraded: yesOrNo('Whether the last probe of the target failed.'),
    target: object<wire.StatusDocument['target']>({
      url: text(),
      reachable: orNull(yesOrNo('Null until the first probe has ended.')),
      reason: orNull(text()),
      version: orNull(text()),
      probed_at: orNull(time()),
      resident: listOf(resident),
      slots_too_few: yesOrNo(),
    }),
    running: orNull(ref('Running')),
    queue: object<wire.StatusDocument['queue']>({
      waiting: count(),
      bytes: count(),
      by_model: listOf(backlog),
      oldest_wait_ms: orNull(amount()),
    }),
    drain: object<wire.DrainDocument>({
      affinity: orNull(text()),
      swapped_at: orNull(time()),
      drained_ms: amount(),
      limit_ms: count(),
      turns_to: orNull(text()),
      turns_at: orNull(time()),
    }),
    counters: object<wire.StatusDocument['counters']>({
      callers: count(),
      jobs: { type: 'object', additionalProperties: count() },
      swaps: count(),
      swaps_saved: count(),
      loads: object({ predicted: count(), happened: count(), unforeseen: count() }),
    }),
  }),
  Running: object<wire.RunningDocument>({
    job_id: text(),
    model: text(),
    endpoint: text(),
    state: ref('JobState'),
    attempt: count(),
    caller: oneOf(['live', 'none']),
    running_ms: amount(),
    silent_ms: amount(),
    bytes: count(),
  }),
  Pause: object<wire.PauseDocument>({
    paused: yesOrNo(),
    since: orNull(time()),
    until: orNull(time('When the pause ends by itself; null if it lasts until `POST /resume`.')),
    unload: orNull(ref('Unload')),
  }),
  Unload: object<wire.UnloadDocument>({
    state: oneOf(['pending', 'done', 'incomplete', 'given_up']),
    unloaded: listOf(text()),
    still_loaded: listOf(text()),
    reason: orNull(text()),
  }),
  Health: object({ status: { const: 'ok' }, degraded: yesOrNo(), reason: text() }, ['reason']),
  Readiness: object({ status: oneOf(PHASES) }),
  Error: object<wire.ErrorDocument>({ error: text(), code: text('One of the codes in docs/errors.md.') }),
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
