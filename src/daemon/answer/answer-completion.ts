// Assistant's text in an unstreamed answer, for each endpoint. It reads bytes and builds no values: parsing a document of 64 MiB
// can cost 1.4 GB. Pure.

import type { EndpointPath } from '../domain/endpoint.ts'
import { GrowableBuffer } from '../text/growable-buffer.ts'
import { rawElementsIn, rawMember, rawText } from './raw-json.ts'

type Json = Buffer | undefined

const EMPTY = Buffer.alloc(0)

const textIn = (json: Json): Buffer => rawText(json) ?? EMPTY

const isOfType = (part: Buffer, type: string): boolean => textIn(rawMember(part, 'type')).equals(Buffer.from(type))

/** Adds the texts of the parts of this type. */
function addTexts(parts: Json, type: string, texts: GrowableBuffer): void {
  for (const part of rawElementsIn(parts)) if (isOfType(part, type)) texts.add(textIn(rawMember(part, 'text')))
}

function firstOf(list: Json): Json {
  for (const element of rawElementsIn(list)) return element
  return undefined
}

const contentOf = (message: Json): Buffer => textIn(rawMember(message, 'content'))

const READERS: Readonly<Record<EndpointPath, (answer: Buffer) => Buffer>> = {
  '/api/chat': (answer) => contentOf(rawMember(answer, 'message')),
  '/api/generate': (answer) => textIn(rawMember(answer, 'response')),
  '/v1/chat/completions': (answer) => contentOf(rawMember(firstOf(rawMember(answer, 'choices')), 'message')),
  '/v1/completions': (answer) => textIn(rawMember(firstOf(rawMember(answer, 'choices')), 'text')),
  '/v1/messages': (answer) => {
    const texts = new GrowableBuffer()
    addTexts(rawMember(answer, 'content'), 'text', texts)
    return texts.take()
  },
  '/v1/responses': (answer) => {
    const texts = new GrowableBuffer()
    for (const item of rawElementsIn(rawMember(answer, 'output')))
      if (isOfType(item, 'message')) addTexts(rawMember(item, 'content'), 'output_text', texts)
    return texts.take()
  },
  // Only Ollama can read the summary.
  '/v1/responses/compact': () => EMPTY,
  '/v1/audio/transcriptions': (answer) => textIn(rawMember(answer, 'text')),
  // A picture has no text. It is in the response, and not kept twice.
  '/v1/images/generations': () => EMPTY,
  '/v1/images/edits': () => EMPTY,
}

/** Returns the text as UTF-8. Empty if there is none, as when the model only calls tools. */
export const completionOf = (endpoint: EndpointPath, answer: Buffer): Buffer => READERS[endpoint](answer)
