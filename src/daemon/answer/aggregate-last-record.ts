// Aggregator of streams whose last record repeats everything: /v1/responses, and the streams of transcriptions and images that
// OpenAI has and Ollama has not. Pure.

import type { EndpointPath } from '../domain/endpoint.ts'
import { copyOf, type JsonDocument, PartCount, type StreamAggregator } from './aggregator-parts.ts'
import { completionOf } from './answer-completion.ts'
import { rawMember, rawMembers } from './raw-json.ts'
import { BRACE } from './records.ts'

export class LastRecordAggregator implements StreamAggregator {
  readonly parts = new PartCount()
  readonly #endpoint: EndpointPath
  #last: Buffer | null = null
  #completion: Buffer = Buffer.alloc(0)

  constructor(endpoint: EndpointPath) {
    this.#endpoint = endpoint
  }

  add(_document: JsonDocument, data: Buffer, isLast: boolean): void {
    if (!isLast) return
    this.#last = copyOf(data)
    const response = rawMember(this.#last, 'response')
    this.#completion = completionOf(this.#endpoint, response?.[0] === BRACE ? response : this.#last)
  }

  completion(): Buffer {
    return this.#completion
  }

  /** The event's own fields (`type`, `sequence_number`) are around the response, not in it. */
  result(): Buffer | null {
    return this.#last === null ? null : (rawMembers(this.#last).get('response') ?? this.#last)
  }
}
