// Owns the joining of what says everything once more in its last record: /v1/responses, and the streams of sound and of
// pictures that OpenAI has and Ollama has not. Pure.

import type { EndpointPath } from '../endpoint.ts'
import { completionOf } from './answer-completion.ts'
import { type Document, documentIn, type Joining, kept, PartCount } from './joining.ts'
import { rawMembers } from './raw-json.ts'

export class TerminalJoining implements Joining {
  readonly parts = new PartCount()
  readonly #endpoint: EndpointPath
  #last: Buffer | null = null
  #completion = ''

  constructor(endpoint: EndpointPath) {
    this.#endpoint = endpoint
  }

  add(document: Document, data: Buffer, isLast: boolean): void {
    if (!isLast) return
    this.#last = kept(data)
    this.#completion = completionOf(this.#endpoint, documentIn(document['response']) ?? document)
  }

  completion(): Buffer {
    return Buffer.from(this.#completion)
  }

  /** An event's own words (`type`, `sequence_number`) are around the response, not in it. */
  result(): Buffer | null {
    return this.#last === null ? null : (rawMembers(this.#last).get('response') ?? this.#last)
  }
}
