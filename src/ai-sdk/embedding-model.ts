// Embedding model of the AI SDK, backed by foreman. Embeddings bypass the queue, so they have no job.

import type {
  EmbeddingModelV4,
  EmbeddingModelV4CallOptions,
  EmbeddingModelV4Result,
  SharedV4Warning,
} from '@ai-sdk/provider'
import type { ForemanClient } from '../client/index.ts'
import { callErrorOf } from './call-error.ts'
import { knownOptions } from './settings.ts'

export class ForemanEmbeddingModel implements EmbeddingModelV4 {
  readonly specificationVersion = 'v4'
  readonly provider = 'foreman'
  readonly modelId: string
  /** A small batch keeps each call short. The SDK sends several. */
  readonly maxEmbeddingsPerCall = 256
  readonly supportsParallelCalls = true
  readonly #client: ForemanClient

  constructor(client: ForemanClient, modelId: string) {
    this.modelId = modelId
    this.#client = client
  }

  /** Rejects with ForemanCallError, or with the reason of an abort. */
  async doEmbed(call: EmbeddingModelV4CallOptions): Promise<EmbeddingModelV4Result> {
    const { values, dimensions, abortSignal, providerOptions } = call
    const warnings: SharedV4Warning[] = []
    const { keepAlive, ...known } = knownOptions(providerOptions, ['keepAlive', 'options', 'truncate'], warnings)
    const body = { model: this.modelId, input: values, dimensions, keep_alive: keepAlive, ...known }
    try {
      const { embeddings, prompt_eval_count: tokens } = await this.#client.embed(body, { signal: abortSignal })
      return {
        embeddings: embeddings.map((embedding) => [...embedding]),
        ...(typeof tokens === 'number' ? { usage: { tokens } } : {}),
        warnings,
      }
    } catch (error) {
      throw callErrorOf(error, { url: `${this.#client.url}/api/embed`, body, jobId: null })
    }
  }
}
