// Finder of mistyped own keys in the body of `POST /jobs`, such as `webhook_url` or `labl`. Pure. It never objects to a key
// of the target's own APIs.

import { decodeJsonString } from '../text/json.ts'
import { editsBetween } from '../text/nearest.ts'
import type { OwnKey } from './job-options.ts'

export interface MistypedKey {
  /** As it stands in the body. */
  readonly key: string
  readonly expected: OwnKey
}

/** Names that other services use for the same thing, too different from foreman's name to be a typing error. */
const ALIASES: Readonly<Record<string, OwnKey>> = {
  callback: 'state_webhook_url',
  callbackurl: 'state_webhook_url',
  notifyurl: 'state_webhook_url',
  statewebhook: 'state_webhook_url',
  webhook: 'state_webhook_url',
  webhookurl: 'state_webhook_url',
  webhookuri: 'state_webhook_url',
}

/** Edits that still count as a typing error: about a third of the name without its underscores. */
const MAX_EDITS: Readonly<Record<OwnKey, number>> = {
  endpoint: 2,
  label: 1,
  state_webhook_url: 4,
  webhook_events: 4,
  start_before: 3,
  finish_before: 3,
}

/** Keys of Ollama's native, OpenAI and Anthropic requests, up to 0.34. Others are passed on unless they are near. */
const TARGET_KEYS: ReadonlySet<string> = new Set(
  `model messages prompt suffix system template context stream raw format keep_alive images options think truncate shift
  debug_render_only logprobs top_logprobs tools width height steps name input dimensions stream_options max_tokens
  max_completion_tokens seed stop temperature frequency_penalty presence_penalty top_p top_k response_format tool_choice
  reasoning reasoning_effort logit_bias user n parallel_tool_calls metadata store service_tier modalities audio prediction
  functions function_call verbosity echo best_of instructions max_output_tokens previous_response_id include truncation
  text background conversation stop_sequences thinking container mcp_servers context_management output_config`
    .split(/\s+/)
    .map((key) => key.replaceAll('_', '')),
)

/** Comparing more keys would take too long. */
const MAX_COMPARED = 200
const MIN_KEY_BYTES = 3
const MAX_KEY_BYTES = 32

export class MistypedKeys {
  #compared = 0
  #found: MistypedKey | null = null

  /** The first mistyped key; null if there was none. */
  get found(): MistypedKey | null {
    return this.#found
  }

  /** Checks a key that is not one of foreman's: the JSON string between `start` and `end`, without its quotes. */
  see(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.#found !== null || length < MIN_KEY_BYTES || length > MAX_KEY_BYTES || this.#compared >= MAX_COMPARED)
      return
    this.#compared += 1
    const key = decodeJsonString(bytes, start, end)
    const expected = meantBy(key)
    if (expected !== null) this.#found = { key, expected }
  }
}

function meantBy(key: string): OwnKey | null {
  const squeezed = key.toLowerCase().replace(/[_-]/g, '')
  if (TARGET_KEYS.has(squeezed)) return null
  if (Object.hasOwn(ALIASES, squeezed)) return ALIASES[squeezed] ?? null
  let best: { readonly expected: OwnKey; readonly edits: number } | null = null
  for (const expected of Object.keys(MAX_EDITS) as OwnKey[]) {
    const edits = editsBetween(squeezed, expected.replaceAll('_', ''))
    if (edits <= MAX_EDITS[expected] && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { expected, edits }
  }
  return best?.expected ?? null
}
