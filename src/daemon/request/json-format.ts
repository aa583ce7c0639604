// Owns how each endpoint is asked for an answer that is JSON: by which key, and by which of its values. Pure. It judges
// nothing: a format that the target does not know is the target's to refuse.

import type { EndpointPath } from '../domain/endpoint.ts'
import { type Span, scanJsonInSlices } from '../text/json-scan.ts'
import { decodeJsonString } from '../text/json-string.ts'
import type { Slices } from '../text/slices.ts'
import { KeyTable } from './key-table.ts'

/** Where the object with the `type` is; an empty path is the value of the key itself. */
interface FormatEndpoint {
  readonly key: string
  readonly path: readonly string[]
}

/** Ollama's other layers know no such key (openai.CompletionRequest, anthropic.MessagesRequest of 0.17.4). */
const ASKED: Readonly<Partial<Record<EndpointPath, FormatEndpoint>>> = {
  '/api/chat': { key: 'format', path: [] },
  '/api/generate': { key: 'format', path: [] },
  '/v1/chat/completions': { key: 'response_format', path: ['type'] },
  '/v1/responses': { key: 'text', path: ['format', 'type'] },
}

/** The top-level keys whose value can say it. */
export const FORMAT_KEYS: KeyTable<string> = KeyTable.of([...new Set(Object.values(ASKED).map(({ key }) => key))])

/** `found`: the values of such keys by their names, of two the last. */
export function* asksForJson(
  endpoint: EndpointPath,
  bytes: Uint8Array,
  found: ReadonlyMap<string, Span>,
): Slices<boolean> {
  const asked = ASKED[endpoint]
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
