// Provider for the AI SDK: one for each foreman. It opens no connection by itself.

import { type EmbeddingModelV4, type LanguageModelV4, NoSuchModelError, type ProviderV4 } from '@ai-sdk/provider'
import { type ClientOptions, ForemanClient } from '../client/index.ts'
import { ForemanEmbeddingModel } from './embedding-model.ts'
import { ForemanLanguageModel } from './language-model.ts'
import type { ForemanModelSettings } from './settings.ts'

/** Where foreman is, and the settings of all models. */
export interface ForemanProviderSettings
  extends ForemanModelSettings,
    Pick<ClientOptions, 'url' | 'token' | 'fetch' | 'unreachableMs'> {
  /** Time limit in milliseconds of a submit with its retries. Default: 10 000. */
  readonly timeoutMs?: number | undefined
}

export interface ForemanProvider extends ProviderV4 {
  (modelId: string, settings?: ForemanModelSettings): LanguageModelV4
  /** `settings` override the provider's, each by itself. */
  languageModel(modelId: string, settings?: ForemanModelSettings): LanguageModelV4
  /** Throws NoSuchModelError: foreman has no image models for the SDK. */
  imageModel(modelId: string): never
  /** For what the SDK does not offer: `client.job(jobId)` gets, follows, cancels and retries a job. */
  readonly client: ForemanClient
}

export function createForeman(options: ForemanProviderSettings = {}): ForemanProvider {
  const { url, token, fetch, timeoutMs, unreachableMs, ...defaults } = options
  const client = new ForemanClient({ url, token, fetch, timeoutMs, unreachableMs })
  const languageModel = (modelId: string, settings: ForemanModelSettings = {}): LanguageModelV4 =>
    new ForemanLanguageModel(client, modelId, { ...defaults, ...settings })
  return Object.assign((modelId: string, settings?: ForemanModelSettings) => languageModel(modelId, settings), {
    specificationVersion: 'v4' as const,
    languageModel,
    embeddingModel: (modelId: string): EmbeddingModelV4 => new ForemanEmbeddingModel(client, modelId),
    imageModel: (modelId: string): never => {
      throw new NoSuchModelError({ modelId, modelType: 'imageModel' })
    },
    client,
  })
}
