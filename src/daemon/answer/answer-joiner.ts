// Owns what a streamed answer would have been, had it not been streamed: each record is read once, as it goes by, and its
// text, thinking and tool calls are joined. It invents nothing; what it does not know it passes on as it was written. Pure.

import type { AnswerRecord } from '../domain/answer.ts'
import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import { AnthropicJoining } from './answer-joiner-anthropic.ts'
import { GenerateJoining, NativeChatJoining } from './answer-joiner-native.ts'
import { OpenaiChatJoining, OpenaiCompletionJoining } from './answer-joiner-openai.ts'
import { TerminalJoining } from './answer-joiner-terminal.ts'
import { emptyNotes, parseDocument, READINGS } from './answer-record.ts'
import type { StreamAggregator } from './joining.ts'

const DONE = Buffer.from('[DONE]')

function createJoining(endpoint: EndpointPath): StreamAggregator {
  switch (endpoint) {
    case '/api/chat':
      return new NativeChatJoining()
    case '/api/generate':
      return new GenerateJoining()
    case '/v1/chat/completions':
      return new OpenaiChatJoining()
    case '/v1/completions':
      return new OpenaiCompletionJoining()
    case '/v1/messages':
      return new AnthropicJoining()
    default:
      return new TerminalJoining(endpoint)
  }
}

export class AnswerAggregator {
  readonly #endpoint: EndpointPath
  /** Null once the answer has too many parts. */
  #joining: StreamAggregator | null
  #isOver = false

  constructor(endpoint: EndpointPath) {
    this.#endpoint = endpoint
    this.#joining = createJoining(endpoint)
  }

  /** What follows the terminal marker is not part of the answer, as it is not part of its verdict. */
  add({ event, data }: AnswerRecord): void {
    if (this.#isOver || this.#joining === null) return
    if (data.equals(DONE)) {
      this.#isOver = true
      return
    }
    const document = parseDocument(data)
    if (document === undefined) return
    const isLast = READINGS[ENDPOINTS[this.#endpoint].dialect](document, emptyNotes(), event ?? '') !== null
    this.#isOver = isLast
    this.#joining.add(document, data, isLast)
    if (this.#joining.parts.isExceeded) this.#joining = null
  }

  /** The assistant's text, UTF-8; null if the answer has too many parts to be joined. */
  completion(): Buffer | null {
    return this.#joining?.completion() ?? null
  }

  /** JSON text of what the endpoint answers unstreamed; null if the answer has no end, or too many parts to be joined. */
  result(): Buffer | null {
    return this.#joining?.result() ?? null
  }
}
