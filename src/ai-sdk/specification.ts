// Types of the AI SDK's specification, version 4 (`@ai-sdk/provider` 4): the parts that this provider reads and writes. Nothing is
// imported for them, so nothing has to be installed; test/clients/ai-sdk/ compares them with the real ones.

export type JsonValue = null | string | number | boolean | JsonValue[] | JsonObject
export type JsonObject = { [key: string]: JsonValue | undefined }

/** Outer key: the provider. */
export type ProviderMetadata = Record<string, JsonObject>
export type ProviderOptions = Record<string, Readonly<Record<string, unknown>>>

export type Warning =
  | { type: 'unsupported'; feature: string; details?: string }
  | { type: 'compatibility'; feature: string; details?: string }
  | { type: 'other'; message: string }

/** Strings are base64. */
export type FileData =
  | { type: 'data'; data: Uint8Array | string }
  | { type: 'url'; url: URL }
  | { type: 'reference'; reference: unknown }
  | { type: 'text'; text: string }

export interface FilePart {
  type: 'file'
  data: FileData
  /** In full (`image/png`) or its first half (`image`). */
  mediaType: string
  filename?: string
}

export type ToolOutput =
  | { type: 'text' | 'error-text'; value: string }
  | { type: 'json' | 'error-json'; value: unknown }
  | { type: 'execution-denied'; reason?: string }
  | { type: 'content'; value: ({ type: 'text'; text: string } | FilePart | { type: 'custom' })[] }

export type TextPart = { type: 'text'; text: string }
export type ToolResultPart = { type: 'tool-result'; toolCallId: string; toolName: string; output: ToolOutput }

export type AssistantPart =
  | TextPart
  | FilePart
  | { type: 'reasoning'; text: string }
  | { type: 'reasoning-file' }
  | { type: 'custom'; kind: string }
  | { type: 'tool-call'; toolCallId: string; toolName: string; input: unknown }
  | ToolResultPart

export type Message =
  | { role: 'system'; content: string }
  | { role: 'user'; content: (TextPart | FilePart)[] }
  | { role: 'assistant'; content: AssistantPart[] }
  | { role: 'tool'; content: (ToolResultPart | { type: 'tool-approval-response' })[] }

export type Tool =
  | { type: 'function'; name: string; description?: string; inputSchema: unknown; strict?: boolean }
  | { type: 'provider'; id: string; name: string }

export type ToolChoice = { type: 'auto' | 'none' | 'required' } | { type: 'tool'; toolName: string }

export type Reasoning = 'provider-default' | 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'

export interface CallOptions {
  prompt: Message[]
  maxOutputTokens?: number
  temperature?: number
  stopSequences?: string[]
  topP?: number
  topK?: number
  presencePenalty?: number
  frequencyPenalty?: number
  responseFormat?: { type: 'text' } | { type: 'json'; schema?: unknown }
  seed?: number
  tools?: Tool[]
  toolChoice?: ToolChoice
  includeRawChunks?: boolean
  abortSignal?: AbortSignal
  reasoning?: Reasoning
  providerOptions?: ProviderOptions
}

export type ToolCall = { type: 'tool-call'; toolCallId: string; toolName: string; input: string }

export type Content = { type: 'text'; text: string } | { type: 'reasoning'; text: string } | ToolCall

export interface FinishReason {
  unified: 'stop' | 'length' | 'tool-calls' | 'other'
  raw: string | undefined
}

export interface Usage {
  inputTokens: {
    total: number | undefined
    noCache: number | undefined
    cacheRead: number | undefined
    cacheWrite: number | undefined
  }
  outputTokens: { total: number | undefined; text: number | undefined; reasoning: number | undefined }
  raw?: JsonObject
}

export interface ResponseMetadata {
  id: string
  timestamp: Date
  modelId: string
}

export type StreamPart =
  | { type: 'stream-start'; warnings: Warning[] }
  | ({ type: 'response-metadata' } & ResponseMetadata)
  | { type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end'; id: string }
  | { type: 'text-delta' | 'reasoning-delta'; id: string; delta: string }
  | { type: 'tool-input-start'; id: string; toolName: string }
  | { type: 'tool-input-delta'; id: string; delta: string }
  | { type: 'tool-input-end'; id: string }
  | ToolCall
  | { type: 'custom'; kind: `${string}.${string}`; providerMetadata: ProviderMetadata }
  | { type: 'raw'; rawValue: unknown }
  | { type: 'finish'; usage: Usage; finishReason: FinishReason; providerMetadata: ProviderMetadata }
  | { type: 'error'; error: unknown }

export interface GenerateResult {
  content: Content[]
  finishReason: FinishReason
  usage: Usage
  providerMetadata: ProviderMetadata
  request: { body: unknown }
  response: ResponseMetadata
  warnings: Warning[]
}

export interface StreamResult {
  stream: ReadableStream<StreamPart>
  request: { body: unknown }
}

/** What `generateText`, `streamText` and their like take as a model. */
export interface LanguageModel {
  readonly specificationVersion: 'v4'
  readonly provider: string
  readonly modelId: string
  readonly supportedUrls: Record<string, RegExp[]>
  doGenerate(options: CallOptions): Promise<GenerateResult>
  doStream(options: CallOptions): Promise<StreamResult>
}

export interface EmbedOptions {
  values: string[]
  dimensions?: number
  abortSignal?: AbortSignal
  providerOptions?: ProviderOptions
}

export interface EmbedResult {
  embeddings: number[][]
  usage?: { tokens: number }
  warnings: Warning[]
}

/** What `embed` and `embedMany` take as a model. */
export interface EmbeddingModel {
  readonly specificationVersion: 'v4'
  readonly provider: string
  readonly modelId: string
  readonly maxEmbeddingsPerCall: number
  readonly supportsParallelCalls: boolean
  doEmbed(options: EmbedOptions): Promise<EmbedResult>
}
