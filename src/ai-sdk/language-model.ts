// Language model of the AI SDK: each call is an async job of foreman, followed to its end. Between calls it keeps only the
// keys of submits whose receipts were lost.

import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamResult,
  SharedV4ProviderMetadata,
  SharedV4Warning,
} from '@ai-sdk/provider'
import type { ForemanClient } from '../client/index.ts'
import { SdkAnswerReader } from './answer-reader.ts'
import { answerStream, metadataOf } from './answer-stream.ts'
import { JobCall, UnclaimedKeys } from './job-call.ts'
import { requestOf } from './request.ts'
import { type ForemanModelSettings, settingsOf } from './settings.ts'

export class ForemanLanguageModel implements LanguageModelV4 {
  readonly specificationVersion = 'v4'
  readonly provider = 'foreman'
  readonly modelId: string
  /** Empty: the SDK downloads every URL, because the target accepts only bytes. */
  readonly supportedUrls = {}
  readonly #client: ForemanClient
  readonly #settings: ForemanModelSettings
  readonly #keys = new UnclaimedKeys()

  constructor(client: ForemanClient, modelId: string, settings: ForemanModelSettings) {
    this.modelId = modelId
    this.#client = client
    this.#settings = settings
  }

  /** Resolves when the job is `done`. Rejects with ForemanCallError, or with the reason of an abort. */
  async doGenerate(options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
    const { call, warnings } = await this.#begin(options)
    const { response, calling } = call
    try {
      call.watch(calling.settings.onState)
      let reader = new SdkAnswerReader(call.id)
      let providerMetadata: SharedV4ProviderMetadata = {}
      for await (const step of call.steps()) {
        if (step.kind === 'record') reader.read(step.data)
        else if (step.kind === 'void') reader = new SdkAnswerReader(call.id)
        else providerMetadata = metadataOf(step.job)
      }
      const { content, finishReason, usage } = reader
      return { content, finishReason, usage, providerMetadata, request: { body: calling.body }, response, warnings }
    } catch (error) {
      throw await call.failure(error)
    } finally {
      call.close()
    }
  }

  /** Resolves when the job is acknowledged, so that the SDK itself retries if the queue is full. */
  async doStream(options: LanguageModelV4CallOptions): Promise<LanguageModelV4StreamResult> {
    const { call, warnings } = await this.#begin(options)
    const stream = answerStream({ call, warnings, isRaw: options.includeRawChunks === true })
    return { stream, request: { body: call.calling.body } }
  }

  async #begin(options: LanguageModelV4CallOptions) {
    const warnings: SharedV4Warning[] = []
    const settings = settingsOf(this.#settings, options.providerOptions, warnings)
    const body = requestOf(this.modelId, settings, options, warnings)
    const { abortSignal: signal } = options
    const call = await JobCall.begin({ client: this.#client, body, settings, keys: this.#keys, signal })
    return { call, warnings }
  }
}
