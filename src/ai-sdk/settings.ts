// Settings of the provider, for all models, for one model, or for one call (`providerOptions.foreman`). The narrowest wins.
// foreman checks durations and addresses.

import type { Duration, JobState } from '../client/index.ts'
import type { JobProgress } from './progress.ts'
import { ArgumentError } from './sdk-error.ts'
import type { ProviderOptions, Warning } from './specification.ts'

/** What can be set for one call as well, in `providerOptions: { foreman: { … } }`. */
export interface ForemanCallOptions {
  /** To find the jobs by; at most 200 characters. */
  readonly label?: string | undefined
  /** If the job has not been started by then (`30s`, or milliseconds), it is cancelled: `start_before_passed`. */
  readonly startBefore?: Duration | undefined
  /** If it is not over by then, it is cancelled: `finish_before_passed`. */
  readonly finishBefore?: Duration | undefined
  /** Where each state change is POSTed to. */
  readonly webhookUrl?: string | undefined
  /** Only these. Default: all. */
  readonly webhookEvents?: readonly JobState[] | undefined
  /** How long the model stays in memory afterwards: `5m`, seconds, -1 for ever. Default: foreman's FOREMAN_KEEP_ALIVE. */
  readonly keepAlive?: string | number | undefined
  /** Ollama's `think`. The SDK's own `reasoning` wins. */
  readonly think?: boolean | 'low' | 'medium' | 'high' | undefined
  /** Ollama's `options`, such as `num_ctx`. The SDK's own (`temperature`, `maxOutputTokens` …) win, each by itself. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
  /** What becomes of the job when the call is aborted, or its stream is not read on. Default `cancel`. */
  readonly whenAborted?: 'cancel' | 'leave' | undefined
}

export interface ForemanModelSettings extends ForemanCallOptions {
  /**
   * Told at once when the job is acknowledged, at each change of its state, and while it waits whenever its position or ETA
   * has changed, looked at every 2 s. What it throws is ignored.
   */
  readonly onState?: ((progress: JobProgress) => void) | undefined
  /**
   * Puts the same into the stream as `custom` parts of kind `foreman.state`, which UI message streams carry to the browser
   * (and keep in the message). Default false.
   */
  readonly stateParts?: boolean | undefined
}

const CALL_OPTIONS: ReadonlySet<string> = new Set<keyof ForemanCallOptions>([
  'label',
  'startBefore',
  'finishBefore',
  'webhookUrl',
  'webhookEvents',
  'keepAlive',
  'think',
  'options',
  'whenAborted',
])

/** Throws ArgumentError for an invalid `whenAborted`: a typing error there would let jobs run on, or end them. */
export function settingsOf(
  settings: ForemanModelSettings,
  providerOptions: ProviderOptions | undefined,
  warnings: Warning[],
): ForemanModelSettings {
  const own = providerOptions?.['foreman'] ?? {}
  for (const name of Object.keys(own).filter((key) => !CALL_OPTIONS.has(key)))
    warnings.push({
      type: 'other',
      message: `providerOptions.foreman.${name} is unknown and was ignored; known are ${[...CALL_OPTIONS].join(', ')}`,
    })
  const known = Object.entries(own).filter(([key, value]) => CALL_OPTIONS.has(key) && value !== undefined)
  const merged: ForemanModelSettings = { ...settings, ...Object.fromEntries(known) }
  const { whenAborted = 'cancel' } = merged
  if (whenAborted !== 'cancel' && whenAborted !== 'leave')
    throw new ArgumentError(
      'whenAborted',
      `whenAborted is ${JSON.stringify(whenAborted)}; it may be "cancel" or "leave"`,
    )
  return merged
}
