// Whether a request asks for an answer in JSON, by the key and values of each endpoint. Pure. It refuses nothing: the target
// refuses formats that it does not know.

import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import { decodeJsonString } from '../text/json.ts'
import { type Span, scanJsonInSlices } from '../text/json-scan.ts'
import type { Slices } from '../text/slices.ts'
import { KeyTable } from './key-table.ts'

/** The top-level keys by which the endpoints are asked for JSON. */
export const FORMAT_KEYS: KeyTable<string> = KeyTable.of([
  ...new Set(Object.values(ENDPOINTS).flatMap(({ format }) => format?.slice(0, 1) ?? [])),
])

/** @param found the values of FORMAT_KEYS, of two with the same name the last */
export function* asksForJson(
  endpoint: EndpointPath,
  bytes: Uint8Array,
  found: ReadonlyMap<string, Span>,
): Slices<boolean> {
  const [key = '', ...path] = ENDPOINTS[endpoint].format ?? []
  let value = found.get(key)
  for (const name of path) value = value === undefined ? undefined : yield* memberOf(bytes, value, name)
  if (value === undefined) return false
  // Native: `json`, or a schema.
  if (value.kind === 'object') return path.length === 0
  if (value.kind !== 'string' || value.end - value.start > 40) return false
  const text = decodeJsonString(bytes, value.start + 1, value.end - 1)
  return path.length === 0 ? text === 'json' : text === 'json_object' || text === 'json_schema'
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
