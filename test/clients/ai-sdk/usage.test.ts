// Usage of one answer in the AI SDK, as reported by Ollama 0.34 and by older versions.

import { describe, expect, it } from 'vitest'
import { SdkAnswerReader } from '../../../src/ai-sdk/answer-reader.ts'

const usageOf = (last: object) => {
  const reader = new SdkAnswerReader('job')
  reader.read({ done: true, prompt_eval_count: 33, eval_count: 2, ...last })
  return reader.usage.inputTokens
}

describe('the usage of an answer', () => {
  it('divides the prompt into cached and uncached tokens', () => {
    expect(usageOf({ prompt_eval_cached_count: 32 })).toEqual({
      ...{ total: 33, noCache: 1, cacheRead: 32, cacheWrite: undefined },
    })
  })

  it('does not divide it if the target reports no cached tokens', () => {
    expect(usageOf({})).toEqual({ total: 33, noCache: undefined, cacheRead: undefined, cacheWrite: undefined })
  })
})
