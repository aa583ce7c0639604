// Provider for the AI SDK: one for each foreman. It opens no connection by itself.

import { type ClientOptions, ForemanClient } from '../client/index.ts'
import { ForemanEmbeddingModel } from './embedding-model.ts'
import { ForemanLanguageModel } from './language-model.ts'
import { NoModelError } from './sdk-error.ts'
import type { ForemanModelSettings } from './settings.ts'
import type { EmbeddingModel, LanguageModel } from './specification.ts'

/** Where foreman is, and what holds for all models. */
export interface ForemanProviderSettings extends ForemanModelSettings {
  /** Default `http://127.0.0.1:8080`. */
  readonly url?: string | undefined
  /** What FOREMAN_TOKEN is set to there. */
  readonly token?: string | undefined
  /** Another fetch. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** Milliseconds for a submit, its own retries included. Default 10 000. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds for which a call lives through a foreman that does not answer. Default 120 000. */
  readonly unreachableMs?: number | undefined
}

export interface ForemanProvider {
  (modelId: string, settings?: ForemanModelSettings): LanguageModel
  readonly specificationVersion: 'v4'
  /** `settings` win over the provider's, each by itself. */
  languageModel(modelId: string, settings?: ForemanModelSettings): LanguageModel
  embeddingModel(modelId: string): EmbeddingModel
  /** Throws: foreman has no image models for the SDK. */
  imageModel(modelId: string): never
  /** For what the SDK does not offer: `client.job(jobId)` gets, follows, cancels and retries a job. */
  readonly client: ForemanClient
}

export function createForeman(options: ForemanProviderSettings = {}): ForemanProvider {
  const { url, token, fetch, timeoutMs, unreachableMs, ...defaults } = options
  const client = new ForemanClient({ url, token, fetch, timeoutMs, unreachableMs } satisfies ClientOptions)
  const languageModel = (modelId: string, settings: ForemanModelSettings = {}): LanguageModel =>
    new ForemanLanguageModel({ client, provider: 'foreman', modelId, settings: { ...defaults, ...settings } })
  return Object.assign((modelId: string, settings?: ForemanModelSettings) => languageModel(modelId, settings), {
    specificationVersion: 'v4' as const,
    languageModel,
    embeddingModel: (modelId: string): EmbeddingModel => new ForemanEmbeddingModel(client, 'foreman', modelId),
    imageModel: (modelId: string): never => {
      throw new NoModelError(modelId, 'imageModel')
    },
    client,
  })
}
