// Aggregators of /v1/chat/completions and /v1/completions: the first chunk, with the joined choices and the usage of the last
// chunk that has one. Pure.

import type { JsonDocument } from '../../protocol/json.ts'
import {
  byIndex,
  copyOf,
  documentIn,
  indexIn,
  JoinedText,
  JoinedTexts,
  listIn,
  PartCount,
  type StreamAggregator,
} from './aggregator-parts.ts'
import {
  RawList,
  type RawObject,
  rawArray,
  rawElements,
  rawMember,
  rawMembers,
  rawObject,
  rawValue,
} from './raw-json.ts'

/** Fields of a delta that are appended. Ollama writes thinking as `reasoning`, other servers as `reasoning_content`. */
const GROWING = ['content', 'reasoning', 'reasoning_content', 'refusal'] as const

class ToolCallParts {
  readonly id: unknown
  readonly #arguments = new JoinedText()
  readonly #first: Buffer
  #name: string | null = null

  constructor(id: unknown, first: Buffer) {
    this.id = id
    this.#first = first
  }

  add(fragment: JsonDocument): void {
    const called = documentIn(fragment['function'])
    const name = called?.['name']
    if (this.#name === null && typeof name === 'string' && name !== '') this.#name = name
    this.#arguments.add(called?.['arguments'])
  }

  json(): Buffer {
    const members = rawMembers(this.#first)
    const called = rawMembers(members.get('function'))
    called.set('name', rawValue(this.#name ?? '')).set('arguments', this.#arguments.json)
    return rawObject(members.set('function', rawObject(called)))
  }
}

class ChoiceParts {
  readonly #texts = new JoinedTexts()
  readonly #calls: ToolCallParts[] = []
  readonly #callAt = new Map<number, ToolCallParts>()
  readonly #logprobs = new RawList()
  readonly #parts: PartCount
  #role = 'assistant'
  #finishReason: string | null = null

  constructor(parts: PartCount) {
    this.#parts = parts
  }

  add(choice: JsonDocument, raw: () => RawObject): void {
    const delta = documentIn(choice['delta'])
    if (typeof delta?.['role'] === 'string' && delta['role'] !== '') this.#role = delta['role']
    for (const name of GROWING) this.#texts.add(name, delta?.[name])
    this.#texts.add('text', choice['text'])
    const calls = listIn(delta?.['tool_calls'])
    if (calls.length > 0 && this.#parts.fits(calls.length))
      this.#addCalls(calls, rawElements(rawMembers(raw().get('delta')).get('tool_calls')))
    if (typeof choice['finish_reason'] === 'string') this.#finishReason = choice['finish_reason']
    if (listIn(documentIn(choice['logprobs'])?.['content']).length > 0) {
      this.#logprobs.add(rawMembers(raw().get('logprobs')).get('content'))
    }
  }

  get text(): Buffer {
    return (this.#texts.get('text') ?? this.#texts.get('content'))?.bytes ?? Buffer.alloc(0)
  }

  json(index: number, isChat: boolean): Buffer {
    const choice: RawObject = new Map([['index', rawValue(index)]])
    if (isChat) choice.set('message', rawObject(this.#message()))
    else choice.set('text', this.#texts.get('text')?.json ?? rawValue(''))
    choice.set('finish_reason', rawValue(this.#finishReason))
    if (!this.#logprobs.isEmpty) choice.set('logprobs', rawObject(new Map([['content', this.#logprobs.json]])))
    return rawObject(choice)
  }

  #message(): RawObject {
    const message: RawObject = new Map([['role', rawValue(this.#role)]])
    message.set('content', this.#texts.get('content')?.json ?? rawValue(null))
    for (const name of GROWING) {
      const text = this.#texts.get(name)
      if (name !== 'content' && text !== undefined && !text.isEmpty) message.set(name, text.json)
    }
    if (this.#calls.length > 0) message.set('tool_calls', rawArray(this.#calls.map((call) => call.json())))
    return message
  }

  #addCalls(fragments: readonly unknown[], raws: readonly Buffer[]): void {
    for (const [at, value] of fragments.entries()) {
      const fragment = documentIn(value)
      if (fragment === undefined) continue
      const { id } = fragment
      const index = indexIn(fragment)
      let call = this.#callAt.get(index)
      // Some of Ollama's parsers give every call the index 0: another id is another call.
      if (call === undefined || (typeof id === 'string' && id !== '' && id !== call.id)) {
        if (!this.#parts.take()) return
        call = new ToolCallParts(id, copyOf(raws[at] ?? Buffer.from('{}')))
        this.#callAt.set(index, call)
        this.#calls.push(call)
      }
      call.add(fragment)
    }
  }
}

export class OpenaiAggregator implements StreamAggregator {
  readonly parts = new PartCount()
  readonly #isChat: boolean
  readonly #choices = new Map<number, ChoiceParts>()
  #first: Buffer | null = null
  #usage: Buffer | null = null

  constructor(isChat: boolean) {
    this.#isChat = isChat
  }

  add(document: JsonDocument, data: Buffer): void {
    this.#first ??= copyOf(data)
    if (documentIn(document['usage']) !== undefined) this.#usage = copyOf(data)
    for (const [at, value] of listIn(document['choices']).entries()) {
      const choice = documentIn(value)
      if (choice === undefined) continue
      const known = this.#choices.get(indexIn(choice))
      if (known === undefined && !this.parts.take()) return
      const joined = known ?? new ChoiceParts(this.parts)
      this.#choices.set(indexIn(choice), joined)
      joined.add(choice, () => rawMembers(rawElements(rawMembers(data).get('choices'))[at]))
    }
  }

  completion(): Buffer {
    return byIndex(this.#choices)[0]?.text ?? Buffer.alloc(0)
  }

  result(): Buffer | null {
    if (this.#first === null) return null
    const members = rawMembers(this.#first)
    if (this.#isChat) members.set('object', rawValue('chat.completion'))
    const choices = [...this.#choices].sort(([a], [b]) => a - b)
    members.set('choices', rawArray(choices.map(([index, choice]) => choice.json(index, this.#isChat))))
    const usage = rawMember(this.#usage ?? undefined, 'usage')
    // `"usage": null` belongs to chunks only.
    members.delete('usage')
    if (usage !== undefined) members.set('usage', usage)
    return rawObject(members)
  }
}
