// Whether the head of a 2xx answer is one that Ollama writes on a queued route. Pure; it reads no body.

import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'

const JSON_TYPES = ['application/json', 'application/x-ndjson', 'text/event-stream']

/** Returns what is wrong with the head, as the detail of a `bad_answer`, or null if the body may be read. */
export function unreadableFormat(
  endpoint: EndpointPath,
  headers: readonly (readonly [string, string])[],
): string | null {
  const values = (wanted: string) => headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  const encodings = values('content-encoding').filter((value) => value.trim().toLowerCase() !== 'identity')
  if (encodings.length > 0) return `its content encoding is ${quoted(encodings.join(', '))}, and identity was asked for`
  const type = values('content-type')[0]
  if (type === undefined) return 'it has no content type'
  const allowed = ENDPOINTS[endpoint].mayBePlainText ? [...JSON_TYPES, 'text/plain'] : JSON_TYPES
  const [media = ''] = type.split(';', 1)
  return allowed.includes(media.trim().toLowerCase()) ? null : `its content type is ${quoted(type)}`
}

const MAX_QUOTED_CHARACTERS = 100

const quoted = (value: string): string => `"${value.slice(0, MAX_QUOTED_CHARACTERS)}"`
