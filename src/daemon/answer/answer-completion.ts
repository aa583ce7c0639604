// Assistant's text in an unstreamed answer, at the path that the endpoint's row names. It reads bytes and builds no values: parsing
// a document of 64 MiB can cost 1.4 GB. Pure.

import type { TextPath } from '../domain/endpoint.ts'
import { GrowableBuffer } from '../text/byte-buffers.ts'
import { addText, rawElementsIn, rawMember, rawText } from './raw-json.ts'

/** Returns the text as UTF-8. Empty if there is none, as when the model only calls tools. */
export function completionOf(answer: Buffer, path: TextPath): Buffer {
  const text = new GrowableBuffer()
  for (const value of valuesAt(answer, path)) addText(value, text)
  return text.take()
}

function* valuesAt(json: Buffer | undefined, [step, ...rest]: TextPath): Generator<Buffer> {
  if (json === undefined) return
  if (step === undefined) return yield json
  if (typeof step === 'string') return yield* valuesAt(rawMember(json, step), rest)
  for (const element of rawElementsIn(json)) {
    if (step === 0) return yield* valuesAt(element, rest)
    if (rawText(rawMember(element, 'type'))?.toString() === step.type) yield* valuesAt(element, rest)
  }
}
