// Request of `GET /jobs/{id}/events`: the form of the stream, and the event after which it begins. Pure.

import type { IncomingHttpHeaders } from 'node:http'
import { quoteForError } from '../quote.ts'
import { parameterProblems } from './query-parameters.ts'

export type EventForm = 'ndjson' | 'sse'

export type EventsRequest =
  /** `after`: only events with a higher number are sent. */
  | { readonly kind: 'asked'; readonly form: EventForm; readonly after: number }
  | { readonly kind: 'refused'; readonly detail: string }

export function readEventsRequest(query: URLSearchParams, headers: IncomingHttpHeaders): EventsRequest {
  const problems = parameterProblems(query, ['after'])
  const header = headers['last-event-id']
  const read = (name: string, text: string | null): number | null => {
    if (text === null) return null
    if (/^\d{1,15}$/.test(text)) return Number(text)
    problems.push(`${name} must be the number of an event, a whole number from 0, not ${quoteForError(text)}`)
    return null
  }
  const asked = read('after', query.get('after'))
  // A browser that reconnects requests the original address, and says in the header how far it came.
  const seen = read('Last-Event-ID', typeof header === 'string' && header !== '' ? header : null)
  if (problems.length > 0) return { kind: 'refused', detail: problems.join('; ') }
  return { kind: 'asked', form: formOf(headers.accept ?? ''), after: seen ?? asked ?? 0 }
}

/** Server-sent events if `accept` names them and does not prefer NDJSON; else NDJSON. */
function formOf(accept: string): EventForm {
  const sse = quality(accept, 'text/event-stream')
  return sse > 0 && sse >= quality(accept, 'application/x-ndjson') ? 'sse' : 'ndjson'
}

function quality(accept: string, type: string): number {
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    if (name !== type) continue
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    const value = weight === undefined ? 1 : Number(weight.slice(2))
    return Number.isFinite(value) ? value : 1
  }
  return 0
}
