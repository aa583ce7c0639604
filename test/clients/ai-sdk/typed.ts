// The proof that our words for the AI SDK's specification are its own: this file compiles, or they are not. It is never
// run.

import type { EmbeddingModelV4, LanguageModelV4, LanguageModelV4CallOptions, ProviderV4 } from '@ai-sdk/provider'
import { createProviderRegistry, embed, generateText, streamText } from 'ai'
import { createForeman, type JobProgress } from '../../../src/ai-sdk/index.ts'
import type { CallOptions } from '../../../src/ai-sdk/specification.ts'

const foreman = createForeman({ url: 'http://127.0.0.1:8080', token: 'secret' })
const seen: JobProgress[] = []

/** What we give. */
export const model: LanguageModelV4 = foreman('tiny-a', { onState: (progress) => seen.push(progress) })
export const embedder: EmbeddingModelV4 = foreman.embeddingModel('tiny-embed')
export const provider: ProviderV4 = foreman
export const registry = createProviderRegistry({ foreman })

/** What we are given: all of it must be something that we know. */
export const known = (options: LanguageModelV4CallOptions): CallOptions => options

export const used = [
  () => generateText({ model: foreman('tiny-a'), prompt: 'hi' }),
  () => streamText({ model: foreman.languageModel('tiny-a'), prompt: 'hi' }),
  () => embed({ model: foreman.embeddingModel('tiny-embed'), value: 'hi' }),
]
