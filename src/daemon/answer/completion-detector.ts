// Owns the question whether an answer is whole: reads along as its bytes go by, changes and delays none of them, and says
// the verdict (spec §2). A clean end is not a proof: Ollama ends some answers half-way without a word. Pure.

import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import type { CompletionDetector } from './answer-record.ts'
import { BlobMarker, DocumentMarker } from './document-marker.ts'
import { EventMarker } from './event-marker.ts'
import { LineMarker } from './line-marker.ts'

export type { Verdict } from '../domain/attempt.ts'
export type { CompletionDetector as Marker } from './answer-record.ts'

/** `streamed`: the answer will be lines or events; false where it is one document (also a native load or unload). */
export function createCompletionDetector(endpoint: EndpointPath, streamed: boolean): CompletionDetector {
  const { dialect } = ENDPOINTS[endpoint]
  if (endpoint.startsWith('/v1/audio/') || endpoint.startsWith('/v1/images/')) {
    return streamed ? new EventMarker(dialect) : new BlobMarker()
  }
  if (!streamed) return new DocumentMarker(dialect)
  return dialect === 'native' ? new LineMarker(dialect) : new EventMarker(dialect)
}
