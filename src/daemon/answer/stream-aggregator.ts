// Aggregator of a streamed answer: the answer as it would have been without streaming. Each record is read once, as it goes by;
// its text, thinking and tool calls are joined. Everything else stays as the target wrote it. Pure.

import type { JsonDocument } from '../../protocol/json.ts'
import { ENDPOINTS, type Endpoint, type EndpointPath, type TextPath } from '../domain/endpoint.ts'
import { AnthropicAggregator } from './aggregate-anthropic.ts'
import { NativeAggregator } from './aggregate-native.ts'
import { OpenaiAggregator } from './aggregate-openai.ts'
import { copyOf, PartCount, type StreamAggregator } from './aggregator-parts.ts'
import { completionOf } from './answer-completion.ts'
import { rawMember } from './raw-json.ts'
import { BRACE, type ParsedRecord } from './records.ts'

/**
 * Aggregator of streams whose last record repeats everything: /v1/responses, and the streams of transcriptions and images that
 * OpenAI has and Ollama has not.
 */
class LastRecordAggregator implements StreamAggregator {
  readonly parts = new PartCount()
  readonly #text: TextPath
  #last: Buffer | null = null

  constructor(text: TextPath | null) {
    this.#text = text ?? []
  }

  add(_document: JsonDocument, data: Buffer, isLast: boolean): void {
    if (isLast) this.#last = copyOf(data)
  }

  completion(): Buffer {
    const response = rawMember(this.#last ?? undefined, 'response')
    return completionOf((response?.[0] === BRACE ? response : this.#last) ?? Buffer.alloc(0), this.#text)
  }

  /** The event's own fields (`type`, `sequence_number`) are around the response, not in it. */
  result(): Buffer | null {
    return this.#last === null ? null : (rawMember(this.#last, 'response') ?? this.#last)
  }
}

const AGGREGATORS: Readonly<Record<Endpoint['joins'], (text: TextPath | null) => StreamAggregator>> = {
  'native-chat': () => new NativeAggregator('message', 'content'),
  'native-generate': () => new NativeAggregator(null, 'response'),
  'openai-chat': () => new OpenaiAggregator(true),
  'openai-completion': () => new OpenaiAggregator(false),
  anthropic: () => new AnthropicAggregator(),
  last: (text) => new LastRecordAggregator(text),
}

export class AnswerAggregator {
  /** Null once the answer has too many parts. */
  #aggregator: StreamAggregator | null
  #isOver = false

  constructor(endpoint: EndpointPath) {
    const { joins, text } = ENDPOINTS[endpoint]
    this.#aggregator = AGGREGATORS[joins](text)
  }

  /** What follows the last record is not part of the answer. `isLast`: the record decided the verdict. */
  add({ data, document }: ParsedRecord, isLast: boolean): void {
    if (this.#isOver || this.#aggregator === null) return
    this.#isOver = isLast
    if (document === null) return
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
