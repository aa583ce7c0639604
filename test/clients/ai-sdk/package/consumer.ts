// Program of a user, for the type check of foreman-ai-sdk. It is never run.

import { createProviderRegistry, embed, type LanguageModel, streamText } from 'ai'
import { createForeman, type ForemanModelSettings, type ForemanProvider, type JobProgress } from 'foreman-ai-sdk'

const positions: (number | null)[] = []
const settings: ForemanModelSettings = {
  label: 'nightly',
  finishBefore: '5m',
  onState: ({ position }: JobProgress) => positions.push(position),
}
const foreman: ForemanProvider = createForeman({ url: 'http://127.0.0.1:8080', token: 'secret' })
const model: LanguageModel = foreman('tiny-a', settings)

export const words = (): AsyncIterable<string> => streamText({ model, prompt: 'hi' }).textStream
export const registry = createProviderRegistry({ foreman })
export const vector = () => embed({ model: foreman.embeddingModel('tiny-embed'), value: 'hi' })
export const later = (id: string): Promise<unknown> => foreman.client.job(id).result()
// @ts-expect-error There is no such setting.
export const wrong = foreman('tiny-a', { finishBfore: '5m' })
