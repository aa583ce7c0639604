// Aggregator of a streamed answer: the answer as it would have been without streaming. Each record is read once, as it goes by;
// its text, thinking and tool calls are joined. Everything else stays as the target wrote it. Pure.

import type { EndpointPath } from '../domain/endpoint.ts'
import { AnthropicAggregator } from './aggregate-anthropic.ts'
import { LastRecordAggregator } from './aggregate-last-record.ts'
import { GenerateAggregator, NativeChatAggregator } from './aggregate-native.ts'
import { OpenaiChatAggregator, OpenaiCompletionAggregator } from './aggregate-openai.ts'
import type { StreamAggregator } from './aggregator-parts.ts'
import type { ParsedRecord } from './records.ts'

const AGGREGATORS: Readonly<Partial<Record<EndpointPath, () => StreamAggregator>>> = {
  '/api/chat': () => new NativeChatAggregator(),
  '/api/generate': () => new GenerateAggregator(),
  '/v1/chat/completions': () => new OpenaiChatAggregator(),
  '/v1/completions': () => new OpenaiCompletionAggregator(),
  '/v1/messages': () => new AnthropicAggregator(),
}

export class AnswerAggregator {
  /** Null once the answer has too many parts. */
  #aggregator: StreamAggregator | null
  #isOver = false

  constructor(endpoint: EndpointPath) {
    this.#aggregator = AGGREGATORS[endpoint]?.() ?? new LastRecordAggregator(endpoint)
  }

  /** What follows the last record is not part of the answer. `isLast`: the record decided the verdict. */
  add({ data, document }: ParsedRecord, isLast: boolean): void {
    if (this.#isOver || this.#aggregator === null) return
    this.#isOver = isLast
    if (document === undefined) return
    this.#aggregator.add(document, data, isLast)
    if (this.#aggregator.parts.isExceeded) this.#aggregator = null
  }

  /** Returns the assistant's text, UTF-8, or null if the answer has too many parts to be joined. */
  completion(): Buffer | null {
    return this.#aggregator?.completion() ?? null
  }

  /** Returns the JSON of the unstreamed answer, or null if the answer has no end or too many parts to be joined. */
  result(): Buffer | null {
    return this.#aggregator?.result() ?? null
  }
}
