// Aggregator of /v1/messages: the message of message_start, with its blocks filled, and the stop reason and usage of the last
// message_delta. Pure.

import type { JsonDocument } from '../../protocol/json.ts'
import {
  byIndex,
  copyOf,
  documentIn,
  indexIn,
  JoinedText,
  JoinedTexts,
  PartCount,
  type StreamAggregator,
} from './aggregator-parts.ts'
import { isJsonDocument, RawList, type RawObject, rawArray, rawMembers, rawObject } from './raw-json.ts'

const GROWING = ['text', 'thinking', 'signature'] as const

class AnthropicBlock {
  readonly type: unknown
  readonly #opening: Buffer
  readonly #texts = new JoinedTexts()
  readonly #input = new JoinedText()
  readonly #citations = new RawList()

  constructor(opening: JsonDocument, raw: Buffer) {
    this.type = opening['type']
    this.#opening = raw
    for (const name of GROWING) this.#texts.add(name, opening[name])
  }

  get text(): Buffer {
    return this.#texts.get('text')?.bytes ?? Buffer.alloc(0)
  }

  add(delta: JsonDocument, raw: () => RawObject): void {
    for (const name of GROWING) this.#texts.add(name, delta[name])
    this.#input.add(delta['partial_json'])
    const citation = documentIn(delta['citation']) === undefined ? undefined : raw().get('citation')
    if (citation !== undefined) this.#citations.addElement(citation)
  }

  json(): Buffer {
    const members = rawMembers(this.#opening)
    for (const [name, text] of this.#texts) members.set(name, text.json)
    // The model writes the input as text, and may have been stopped in the middle of it.
    if (isJsonDocument(this.#input.bytes)) members.set('input', this.#input.bytes)
    if (!this.#citations.isEmpty) members.set('citations', this.#citations.json)
    return rawObject(members)
  }
}

export class AnthropicAggregator implements StreamAggregator {
  readonly parts = new PartCount()
  readonly #blocks = new Map<number, AnthropicBlock>()
  #start: Buffer | null = null
  readonly #deltas: Buffer[] = []

  add(document: JsonDocument, data: Buffer): void {
    switch (document['type']) {
      case 'message_start':
        this.#start = copyOf(data)
        break
      case 'content_block_start': {
        const opening = documentIn(document['content_block'])
        const raw = rawMembers(data).get('content_block')
        if (opening !== undefined && raw !== undefined && this.parts.take()) {
          this.#blocks.set(indexIn(document), new AnthropicBlock(opening, copyOf(raw)))
        }
        break
      }
      case 'content_block_delta': {
        const delta = documentIn(document['delta'])
        if (delta !== undefined) {
          this.#blocks.get(indexIn(document))?.add(delta, () => rawMembers(rawMembers(data).get('delta')))
        }
        break
      }
      case 'message_delta':
        if (this.parts.take()) this.#deltas.push(copyOf(data))
    }
  }

  completion(): Buffer {
    const texts = byIndex(this.#blocks).filter(({ type }) => type === 'text')
    return Buffer.concat(texts.map(({ text }) => text))
  }

  result(): Buffer | null {
    if (this.#start === null) return null
    const message = rawMembers(rawMembers(this.#start).get('message'))
    message.set('content', rawArray(byIndex(this.#blocks).map((block) => block.json())))
    for (const data of this.#deltas) {
      const event = rawMembers(data)
      for (const [name, value] of rawMembers(event.get('delta'))) message.set(name, value)
      const usage: RawObject = new Map([...rawMembers(message.get('usage')), ...rawMembers(event.get('usage'))])
      if (usage.size > 0) message.set('usage', rawObject(usage))
    }
    return rawObject(message)
  }
}
