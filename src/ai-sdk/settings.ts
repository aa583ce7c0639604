// Settings of the provider, of one model, or of one call (`providerOptions.foreman`). The most specific wins. foreman checks
// durations and addresses.

import {
  InvalidArgumentError,
  type JSONValue,
  type SharedV4ProviderOptions,
  type SharedV4Warning,
} from '@ai-sdk/provider'
import type { JobOptions } from '../client/index.ts'
import type { JobProgress } from './progress.ts'

/** Settings that a single call may have as well, in `providerOptions: { foreman: { … } }`. */
export interface ForemanCallOptions extends Omit<JobOptions, 'endpoint'> {
  /** How long the model stays in memory afterwards: `5m`, seconds, or -1 for ever. Default: FOREMAN_KEEP_ALIVE. */
  readonly keepAlive?: string | number | undefined
  /** Ollama's `think`. The SDK's own `reasoning` overrides it. */
  readonly think?: boolean | 'low' | 'medium' | 'high' | undefined
  /** Ollama's `options`, such as `num_ctx`. The SDK's own (`temperature`, `maxOutputTokens` …) override them, each by itself. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
  /** What happens to the job if the call is aborted or its stream is cancelled. Default: `cancel`. */
  readonly whenAborted?: 'cancel' | 'leave' | undefined
}

export interface ForemanModelSettings extends ForemanCallOptions {
  /**
   * Called when the job is acknowledged, at each change of its state, and, while it waits, whenever its position or ETA has
   * changed (checked every 2 s). What it throws is ignored.
   */
  readonly onState?: ((progress: JobProgress) => void) | undefined
  /**
   * Puts the same into the stream as `custom` parts of kind `foreman.state`. UI message streams send them to the browser and
   * keep them in the message. Default: false.
   */
  readonly stateParts?: boolean | undefined
}

const CALL_OPTIONS: readonly (keyof ForemanCallOptions)[] = [
  'label',
  'startBefore',
  'finishBefore',
  'webhookUrl',
  'webhookEvents',
  'keepAlive',
  'think',
  'options',
  'whenAborted',
]

/** Returns the options of `providerOptions.foreman` with these names, and warns of all others. */
export function knownOptions(
  providerOptions: SharedV4ProviderOptions | undefined,
  names: readonly string[],
  warnings: SharedV4Warning[],
): Record<string, JSONValue> {
  const known: Record<string, JSONValue> = {}
  for (const [name, value] of Object.entries(providerOptions?.['foreman'] ?? {})) {
    if (!names.includes(name)) {
      const message = `providerOptions.foreman.${name} is unknown and was ignored; known are ${names.join(', ')}`
      warnings.push({ type: 'other', message })
    } else if (value !== undefined) known[name] = value
  }
  return known
}

/**
 * Returns the settings of one call. Throws InvalidArgumentError for an invalid `whenAborted`: a typing error there would
 * decide whether jobs continue.
 */
export function settingsOf(
  settings: ForemanModelSettings,
  providerOptions: SharedV4ProviderOptions | undefined,
  warnings: SharedV4Warning[],
): ForemanModelSettings {
  const merged: ForemanModelSettings = { ...settings, ...knownOptions(providerOptions, CALL_OPTIONS, warnings) }
  const { whenAborted = 'cancel' } = merged
  if (whenAborted !== 'cancel' && whenAborted !== 'leave')
    throw new InvalidArgumentError({
      argument: 'whenAborted',
      message: `whenAborted is ${JSON.stringify(whenAborted)}; it may be "cancel" or "leave"`,
    })
  return merged
}
