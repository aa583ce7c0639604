// Embedding model of the AI SDK, backed by foreman. Embeddings go past the queue, so they have no job.

import type { ForemanClient } from '../client/index.ts'
import { callErrorOf } from './call-error.ts'
import type { EmbeddingModel, EmbedOptions, EmbedResult, ProviderOptions, Warning } from './specification.ts'

/** What `providerOptions.foreman` may hold here, and Ollama's names for it. */
const OPTIONS: Readonly<Record<string, string>> = { keepAlive: 'keep_alive', options: 'options', truncate: 'truncate' }

export class ForemanEmbeddingModel implements EmbeddingModel {
  readonly specificationVersion = 'v4'
  readonly provider: string
  readonly modelId: string
  /** Small enough that one call stays short; the SDK sends several. */
  readonly maxEmbeddingsPerCall = 256
  readonly supportsParallelCalls = true
  readonly #client: ForemanClient

  constructor(client: ForemanClient, provider: string, modelId: string) {
    this.provider = provider
    this.modelId = modelId
    this.#client = client
  }

  /** Rejects with ForemanCallError, or with the reason of an abort. */
  async doEmbed({ values, dimensions, abortSignal, providerOptions }: EmbedOptions): Promise<EmbedResult> {
    const warnings: Warning[] = []
    const body = {
      model: this.modelId,
      input: values,
      ...(dimensions === undefined ? {} : { dimensions }),
      ...wireOptions(providerOptions?.['foreman'] ?? {}, warnings),
    }
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

function wireOptions(given: ProviderOptions[string], warnings: Warning[]): Record<string, unknown> {
  const known: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const wireName = OPTIONS[name]
    if (wireName !== undefined) known[wireName] = value
    else
      warnings.push({
        type: 'other',
        message: `providerOptions.foreman.${name} is unknown for embeddings and was ignored; known are ${Object.keys(OPTIONS).join(', ')}`,
      })
  }
  return known
}
