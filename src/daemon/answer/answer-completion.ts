// Owns where the assistant's text is in an answer that was not streamed, for each endpoint. Pure.

import type { EndpointPath } from '../endpoint.ts'
import { type Document, documentIn, listIn } from './joining.ts'

const textIn = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The texts of those of the parts that are of this type. */
const textsIn = (parts: unknown, type: string): string =>
  listIn(parts)
    .map((part) => documentIn(part))
    .map((part) => (part?.['type'] === type ? textIn(part['text']) : ''))
    .join('')

const firstOf = (choices: unknown): Document | undefined => documentIn(listIn(choices)[0])

const READERS: Readonly<Record<EndpointPath, (answer: Document) => string>> = {
  '/api/chat': ({ message }) => textIn(documentIn(message)?.['content']),
  '/api/generate': ({ response }) => textIn(response),
  '/v1/chat/completions': ({ choices }) => textIn(documentIn(firstOf(choices)?.['message'])?.['content']),
  '/v1/completions': ({ choices }) => textIn(firstOf(choices)?.['text']),
  '/v1/messages': ({ content }) => textsIn(content, 'text'),
  '/v1/responses': ({ output }) =>
    listIn(output)
      .map((item) => documentIn(item))
      .map((item) => (item?.['type'] === 'message' ? textsIn(item['content'], 'output_text') : ''))
      .join(''),
  // The summary is opaque: only Ollama reads it.
  '/v1/responses/compact': () => '',
  '/v1/audio/transcriptions': ({ text }) => textIn(text),
  // A picture says nothing; it is in the response, and not kept twice.
  '/v1/images/generations': () => '',
  '/v1/images/edits': () => '',
}

/** Empty where it says nothing, as when it only calls tools. */
export const completionOf = (endpoint: EndpointPath, answer: Document): string => READERS[endpoint](answer)
