// Whether a request asks for an answer in JSON, by the key and values of each endpoint. Pure. It refuses nothing: the target
// refuses formats that it does not know.

import type { EndpointPath } from '../domain/endpoint.ts'
import { type Span, scanJsonInSlices } from '../text/json-scan.ts'
import { decodeJsonString } from '../text/json-string.ts'
import type { Slices } from '../text/slices.ts'
import { KeyTable } from './key-table.ts'

/** The key and the path below it to the value. With an empty path, the value of the key itself counts. */
interface FormatEndpoint {
  readonly key: string
  readonly path: readonly string[]
}

/** The other endpoints have no such key (openai.CompletionRequest, anthropic.MessagesRequest of 0.17.4). */
const FORMATS: Readonly<Partial<Record<EndpointPath, FormatEndpoint>>> = {
  '/api/chat': { key: 'format', path: [] },
  '/api/generate': { key: 'format', path: [] },
  '/v1/chat/completions': { key: 'response_format', path: ['type'] },
  '/v1/responses': { key: 'text', path: ['format', 'type'] },
}

/** The top-level keys of FORMATS. */
export const FORMAT_KEYS: KeyTable<string> = KeyTable.of([...new Set(Object.values(FORMATS).map(({ key }) => key))])

/** @param found the values of FORMAT_KEYS, of two with the same name the last */
export function* asksForJson(
  endpoint: EndpointPath,
  bytes: Uint8Array,
  found: ReadonlyMap<string, Span>,
): Slices<boolean> {
  const asked = FORMATS[endpoint]
  let value = asked === undefined ? undefined : found.get(asked.key)
  for (const name of asked?.path ?? []) value = value === undefined ? undefined : yield* memberOf(bytes, value, name)
  if (asked === undefined || value === undefined) return false
  if (value.kind === 'object') return asked.path.length === 0
  if (value.kind !== 'string' || value.end - value.start > 40) return false
  const text = decodeJsonString(bytes, value.start + 1, value.end - 1)
  return asked.path.length === 0 ? text === 'json' : text === 'json_object' || text === 'json_schema'
}

function* memberOf(bytes: Uint8Array, value: Span, name: string): Slices<Span | undefined> {
  let found: Span | undefined
  if (value.kind !== 'object') return found
  const table = KeyTable.of([name])
  const onMember = (keyStart: number, keyEnd: number, member: Span): void => {
    if (table.find(bytes, keyStart, keyEnd) !== null) found = member
  }
  yield* scanJsonInSlices(bytes, onMember, value.start)
  return found
}
