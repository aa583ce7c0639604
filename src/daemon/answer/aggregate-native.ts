// Aggregator of /api/chat and /api/generate: the last record, with the text, thinking and tool calls of all records. Ollama
// itself does the same for an unstreamed answer (0.17.4, server/routes.go, ChatHandler and GenerateHandler). Pure.

import type { JsonDocument } from '../../protocol/json.ts'
import { copyOf, documentIn, JoinedText, listIn, PartCount, type StreamAggregator } from './aggregator-parts.ts'
import { RawList, type RawObject, rawMember, rawMembers, rawObject, rawValue } from './raw-json.ts'

export class NativeAggregator implements StreamAggregator {
  readonly parts = new PartCount()
  readonly #holder: 'message' | null
  readonly #textKey: string
  readonly #text = new JoinedText()
  readonly #thinking = new JoinedText()
  readonly #toolCalls = new RawList()
  readonly #logprobs = new RawList()
  #role: string | null = null
  #last: Buffer | null = null

  /** @param holder the object that holds the text; null if the record itself does */
  constructor(holder: 'message' | null, textKey: string) {
    this.#holder = holder
    this.#textKey = textKey
  }

  add(document: JsonDocument, data: Buffer, isLast: boolean): void {
    const said = this.#holder === null ? document : documentIn(document[this.#holder])
    if (typeof said?.['role'] === 'string') this.#role ??= said['role']
    this.#text.add(said?.[this.#textKey])
    this.#thinking.add(said?.['thinking'])
    // Tool calls are rare: only then are they looked for in the bytes.
    if (listIn(said?.['tool_calls']).length > 0) {
      this.#toolCalls.add(this.#rawSaid(rawMembers(data)).get('tool_calls'))
    }
    if (listIn(document['logprobs']).length > 0) this.#logprobs.add(rawMember(data, 'logprobs'))
    if (isLast) this.#last = copyOf(data)
  }

  completion(): Buffer {
    return this.#text.bytes
  }

  result(): Buffer | null {
    if (this.#last === null) return null
    const members = rawMembers(this.#last)
    // Nested deeper than Go would write it.
    if (members.size === 0) return this.#last
    const said = this.#rawSaid(members)
    said.set(this.#textKey, this.#text.json)
    if (!this.#thinking.isEmpty) said.set('thinking', this.#thinking.json)
    if (!this.#toolCalls.isEmpty) said.set('tool_calls', this.#toolCalls.json)
    if (this.#holder !== null) {
      const role = rawValue(this.#role ?? 'assistant')
      members.set(this.#holder, rawObject(new Map([['role', role], ...said])))
    }
    if (!this.#logprobs.isEmpty) members.set('logprobs', this.#logprobs.json)
    return rawObject(members)
  }

  #rawSaid(members: RawObject): RawObject {
    return this.#holder === null ? members : rawMembers(members.get(this.#holder))
  }
}
