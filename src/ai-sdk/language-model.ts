// Language model of the AI SDK: each call is an async job of foreman, followed to its end. Between calls it keeps only the keys of
// submits that were lost.

import { AnswerVoidedError, type ForemanClient } from '../client/index.ts'
import { SdkAnswerReader } from './answer-reader.ts'
import { answerStream } from './answer-stream.ts'
import { callErrorOf } from './call-error.ts'
import { JobCall } from './job-call.ts'
import { metadataOf } from './job-metadata.ts'
import type { JobProgress } from './progress.ts'
import { type ChatRequest, requestOf } from './request.ts'
import { type ForemanModelSettings, settingsOf } from './settings.ts'
import type {
  CallOptions,
  GenerateResult,
  LanguageModel,
  ProviderMetadata,
  ResponseMetadata,
  StreamResult,
  Warning,
} from './specification.ts'
import { UnclaimedKeys } from './unclaimed-keys.ts'

export interface ModelParts {
  readonly client: ForemanClient
  readonly provider: string
  readonly modelId: string
  readonly settings: ForemanModelSettings
}

interface Begun {
  readonly call: JobCall
  readonly body: ChatRequest
  readonly warnings: Warning[]
  readonly response: ResponseMetadata
  readonly onState: ((progress: JobProgress) => void) | null
}

export class ForemanLanguageModel implements LanguageModel {
  readonly specificationVersion = 'v4'
  readonly provider: string
  readonly modelId: string
  /** None: the SDK downloads what has an address, and the target gets bytes. */
  readonly supportedUrls = {}
  readonly #client: ForemanClient
  readonly #settings: ForemanModelSettings
  readonly #keys = new UnclaimedKeys()

  constructor({ client, provider, modelId, settings }: ModelParts) {
    this.provider = provider
    this.modelId = modelId
    this.#client = client
    this.#settings = settings
  }

  /** Resolves when the job is `done`. Rejects with ForemanCallError, or with the reason of an abort. */
  async doGenerate(options: CallOptions): Promise<GenerateResult> {
    const { call, body, warnings, response, onState } = await this.#begin(options)
    try {
      call.watch(onState)
      let reader = new SdkAnswerReader(call.id)
      let providerMetadata: ProviderMetadata = {}
      for await (const step of call.steps()) {
        if (step.kind === 'record') reader.read(step.data)
        else if (step.kind === 'void') reader = new SdkAnswerReader(call.id)
        else providerMetadata = metadataOf(step.job)
      }
      const { content, finishReason, usage } = reader
      return { content, finishReason, usage, providerMetadata, request: { body }, response, warnings }
    } catch (error) {
      throw await this.#failed(error, call, body, options)
    } finally {
      call.close()
    }
  }

  /** Resolves when the job is acknowledged, so that a full queue is met by the SDK's own retries. */
  async doStream(options: CallOptions): Promise<StreamResult> {
    const { call, body, warnings, response, onState } = await this.#begin(options)
    const stream = answerStream({
      call,
      warnings,
      response,
      onState,
      isRaw: options.includeRawChunks === true,
      hasStateParts: this.#settings.stateParts === true,
      signal: options.abortSignal,
      failed: (error) => this.#failed(error, call, body, options),
    })
    return { stream, request: { body } }
  }

  async #begin(options: CallOptions): Promise<Begun> {
    const warnings: Warning[] = []
    const settings = settingsOf(this.#settings, options.providerOptions, warnings)
    const body = requestOf(this.modelId, settings, options, warnings)
    const { abortSignal: signal } = options
    try {
      const call = await JobCall.begin({ client: this.#client, body, settings, keys: this.#keys, signal })
      const response = { id: call.id, timestamp: new Date(), modelId: this.modelId }
      return { call, body, warnings, response, onState: harmless(settings.onState) }
    } catch (error) {
      throw this.#errorOf(error, body, null)
    }
  }

  /** The error for the SDK. A job whose answer is not needed is cancelled; a job goes on if foreman cannot be reached. */
  async #failed(error: unknown, call: JobCall, body: ChatRequest, { abortSignal }: CallOptions): Promise<unknown> {
    const isAborted = abortSignal?.aborted === true
    if (isAborted || error instanceof AnswerVoidedError) await call.abandon()
    return isAborted ? abortSignal.reason : this.#errorOf(error, body, call.id)
  }

  #errorOf(error: unknown, body: ChatRequest, jobId: string | null): unknown {
    return callErrorOf(error, { url: `${this.#client.url}/jobs`, body, jobId })
  }
}

/** A listener that throws must not end the job that it listens to. */
function harmless(onState: ForemanModelSettings['onState']): ((progress: JobProgress) => void) | null {
  if (onState === undefined) return null
  return (progress) => {
    try {
      onState(progress)
    } catch {
      // It is the listener's own.
    }
  }
}
