// Owns the joining of /api/chat and /api/generate: the last record, with what the others said put into it, which is what
// Ollama itself does unstreamed (0.17.4, server/routes.go, ChatHandler and GenerateHandler). Pure.

import { JoinedText } from './joined-text.ts'
import { copyOf, documentIn, type JsonDocument, listIn, PartCount, type StreamAggregator } from './joining.ts'
import { RawList, type RawObject, rawMembers, rawObject } from './raw-json.ts'

abstract class NativeJoining implements StreamAggregator {
  readonly parts = new PartCount()
  readonly #text = new JoinedText()
  readonly #thinking = new JoinedText()
  readonly #toolCalls = new RawList()
  readonly #logprobs = new RawList()
  #last: Buffer | null = null

  protected abstract readonly textKey: string
  /** The object that says something, in a parsed record and in its bytes. */
  protected abstract saying(document: JsonDocument): JsonDocument | undefined
  protected abstract rawSaying(members: RawObject): RawObject
  protected abstract withSaying(members: RawObject, saying: RawObject): RawObject

  add(document: JsonDocument, data: Buffer, isLast: boolean): void {
    const saying = this.saying(document)
    this.#text.add(saying?.[this.textKey])
    this.#thinking.add(saying?.['thinking'])
    // Rare, so only these are looked for in the bytes.
    if (listIn(saying?.['tool_calls']).length > 0) {
      this.#toolCalls.add(this.rawSaying(rawMembers(data)).get('tool_calls'))
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
    const saying = this.rawSaying(members)
    saying.set(this.textKey, this.#text.json)
    if (!this.#thinking.isEmpty) saying.set('thinking', this.#thinking.json)
    if (!this.#toolCalls.isEmpty) saying.set('tool_calls', this.#toolCalls.json)
    const joined = this.withSaying(members, saying)
    if (!this.#logprobs.isEmpty) joined.set('logprobs', this.#logprobs.json)
    return rawObject(joined)
  }
}

export class NativeChatJoining extends NativeJoining {
  protected override readonly textKey = 'content'
  #role: string | undefined

  protected override saying(document: JsonDocument): JsonDocument | undefined {
    const message = documentIn(document['message'])
    if (this.#role === undefined && typeof message?.['role'] === 'string') this.#role = message['role']
    return message
  }

  protected override rawSaying(members: RawObject): RawObject {
    return rawMembers(members.get('message'))
  }

  protected override withSaying(members: RawObject, message: RawObject): RawObject {
    const role = Buffer.from(JSON.stringify(this.#role ?? 'assistant'))
    return members.set('message', rawObject(new Map([['role', role], ...message])))
  }
}

export class GenerateJoining extends NativeJoining {
  protected override readonly textKey = 'response'

  protected override saying(document: JsonDocument): JsonDocument {
    return document
  }

  protected override rawSaying(members: RawObject): RawObject {
    return members
  }

  protected override withSaying(members: RawObject): RawObject {
    return members
  }
}
