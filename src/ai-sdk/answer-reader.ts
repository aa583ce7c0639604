// Reader that converts the records of one attempt's native chat to stream parts and content of the AI SDK. Pure.

import type {
  JSONObject,
  LanguageModelV4FinishReason,
  LanguageModelV4Reasoning,
  LanguageModelV4StreamPart,
  LanguageModelV4Text,
  LanguageModelV4ToolCall,
  LanguageModelV4Usage,
} from '@ai-sdk/provider'
import { isJsonObject, type JsonDocument } from '../protocol/json.ts'

type ContentBlock = 'text' | 'reasoning'

const stringAt = (it: JsonDocument, key: string): string => (typeof it[key] === 'string' ? it[key] : '')
const countAt = (it: JsonDocument, key: string): number | undefined =>
  typeof it[key] === 'number' ? it[key] : undefined

export class SdkAnswerReader {
  readonly content: (LanguageModelV4Text | LanguageModelV4Reasoning | LanguageModelV4ToolCall)[] = []
  readonly #jobId: string
  #open: { readonly block: ContentBlock; readonly id: string } | null = null
  #blocks = 0
  #toolCalls = 0
  #last: JsonDocument = {}

  constructor(jobId: string) {
    this.#jobId = jobId
  }

  /** Returns the parts of one record. A record that is not one of a chat has none. */
  read(record: unknown): LanguageModelV4StreamPart[] {
    if (!isJsonObject(record)) return []
    if (record['done'] === true) this.#last = record
    const message = isJsonObject(record['message']) ? record['message'] : {}
    const calls = Array.isArray(message['tool_calls']) ? message['tool_calls'] : []
    return [
      ...this.#delta('reasoning', stringAt(message, 'thinking')),
      ...this.#delta('text', stringAt(message, 'content')),
      ...calls.flatMap((call: unknown) => this.#toolCall(call)),
    ]
  }

  /** Ends the open block of text or reasoning. */
  end(): LanguageModelV4StreamPart[] {
    if (this.#open === null) return []
    const { block, id } = this.#open
    this.#open = null
    return [{ type: `${block}-end`, id }]
  }

  get finishReason(): LanguageModelV4FinishReason {
    const raw = stringAt(this.#last, 'done_reason')
    const isKnown = raw === 'stop' || raw === 'length'
    // A model that calls a tool says "stop" as well.
    const unified = this.#toolCalls > 0 && raw !== 'length' ? 'tool-calls' : isKnown ? raw : 'other'
    return { unified, raw: raw === '' ? undefined : raw }
  }

  /** Token counts of the target. Ollama reports cached tokens since 0.34, and reasoning tokens never. */
  get usage(): LanguageModelV4Usage {
    const total = countAt(this.#last, 'prompt_eval_count')
    const cacheRead = countAt(this.#last, 'prompt_eval_cached_count')
    const noCache = total === undefined || cacheRead === undefined ? undefined : total - cacheRead
    const numbers = Object.entries(this.#last).filter(([, value]) => typeof value === 'number')
    return {
      inputTokens: { total, noCache, cacheRead, cacheWrite: undefined },
      outputTokens: { total: countAt(this.#last, 'eval_count'), text: undefined, reasoning: undefined },
      raw: Object.fromEntries(numbers) as JSONObject,
    }
  }

  #delta(block: ContentBlock, delta: string): LanguageModelV4StreamPart[] {
    if (delta === '') return []
    const opening: LanguageModelV4StreamPart[] = []
    if (this.#open?.block !== block) {
      opening.push(...this.end())
      this.#open = { block, id: `${block}-${this.#blocks++}` }
      opening.push({ type: `${block}-start`, id: this.#open.id })
      this.content.push({ type: block, text: '' })
    }
    const last = this.content.at(-1)
    if (last !== undefined && last.type !== 'tool-call') last.text += delta
    return [...opening, { type: `${block}-delta`, id: this.#open.id, delta }]
  }

  #toolCall(call: unknown): LanguageModelV4StreamPart[] {
    if (!isJsonObject(call) || !isJsonObject(call['function'])) return []
    const { arguments: given = {} } = call['function']
    const id = stringAt(call, 'id') || `${this.#jobId}-${this.#toolCalls}`
    const toolName = stringAt(call['function'], 'name')
    const input = typeof given === 'string' ? given : JSON.stringify(given)
    const whole = { type: 'tool-call', toolCallId: id, toolName, input } as const
    this.#toolCalls++
    this.content.push(whole)
    return [
      ...this.end(),
      { type: 'tool-input-start', id, toolName },
      { type: 'tool-input-delta', id, delta: input },
      { type: 'tool-input-end', id },
      whole,
    ]
  }
}
