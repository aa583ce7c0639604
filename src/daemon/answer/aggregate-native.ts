// Aggregators of /api/chat and /api/generate: the last record, with the text, thinking and tool calls of all records. Ollama
// itself does the same for an unstreamed answer (0.17.4, server/routes.go, ChatHandler and GenerateHandler). Pure.

import type { JsonDocument } from '../text/json.ts'
import { copyOf, documentIn, JoinedText, listIn, PartCount, type StreamAggregator } from './aggregator-parts.ts'
import { RawList, type RawObject, rawMembers, rawObject } from './raw-json.ts'

abstract class NativeAggregator implements StreamAggregator {
  readonly parts = new PartCount()
  readonly #text = new JoinedText()
  readonly #thinking = new JoinedText()
  readonly #toolCalls = new RawList()
  readonly #logprobs = new RawList()
  #last: Buffer | null = null

  protected abstract readonly textKey: string
  /** The object that holds the text, in a parsed record and in its bytes. */
  protected abstract said(document: JsonDocument): JsonDocument | undefined
  protected abstract rawSaid(members: RawObject): RawObject
  protected abstract withSaid(members: RawObject, said: RawObject): RawObject

  add(document: JsonDocument, data: Buffer, isLast: boolean): void {
    const said = this.said(document)
    this.#text.add(said?.[this.textKey])
    this.#thinking.add(said?.['thinking'])
    // Tool calls are rare: only then are they looked for in the bytes.
    if (listIn(said?.['tool_calls']).length > 0) {
      this.#toolCalls.add(this.rawSaid(rawMembers(data)).get('tool_calls'))
    }
    if (listIn(document['logprobs']).length > 0) this.#logprobs.add(rawMembers(data).get('logprobs'))
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
    const said = this.rawSaid(members)
    said.set(this.textKey, this.#text.json)
    if (!this.#thinking.isEmpty) said.set('thinking', this.#thinking.json)
    if (!this.#toolCalls.isEmpty) said.set('tool_calls', this.#toolCalls.json)
    const joined = this.withSaid(members, said)
    if (!this.#logprobs.isEmpty) joined.set('logprobs', this.#logprobs.json)
    return rawObject(joined)
  }
}

export class NativeChatAggregator extends NativeAggregator {
  protected override readonly textKey = 'content'
  #role: string | undefined

  protected override said(document: JsonDocument): JsonDocument | undefined {
    const message = documentIn(document['message'])
    if (this.#role === undefined && typeof message?.['role'] === 'string') this.#role = message['role']
    return message
  }

  protected override rawSaid(members: RawObject): RawObject {
    return rawMembers(members.get('message'))
  }

  protected override withSaid(members: RawObject, message: RawObject): RawObject {
    const role = Buffer.from(JSON.stringify(this.#role ?? 'assistant'))
    return members.set('message', rawObject(new Map([['role', role], ...message])))
  }
}

export class GenerateAggregator extends NativeAggregator {
  protected override readonly textKey = 'response'

  protected override said(document: JsonDocument): JsonDocument {
    return document
  }

  protected override rawSaid(members: RawObject): RawObject {
    return members
  }

  protected override withSaid(members: RawObject): RawObject {
    return members
  }
}
