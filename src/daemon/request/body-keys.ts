// Reader of the JSON keys that the endpoint's row names: where they are, whether one is given twice, and whether Ollama would
// refuse its value. Pure; it reads nothing else of a body.

import { type BodyKey, ENDPOINTS, type EndpointPath, type KeyKinds } from '../domain/endpoint.ts'
import { decodeJsonString } from '../text/json.ts'
import { type JsonKind, type Span, scanJsonInSlices, skipSpace } from '../text/json-scan.ts'
import type { Slices } from '../text/slices.ts'
import { readKeepAlive } from './keep-alive.ts'
import { KeyTable } from './key-table.ts'
import { looksForCompaction, missingBody, type OllamaError, refusal, unreadableBody } from './ollama-error.ts'

/** Where the keys are. Keys that the body lacks are absent here; `null` is a value like others. */
export type Members = Readonly<Partial<Record<BodyKey, Span>>>

export type KeyReading =
  | { readonly kind: 'members'; readonly members: Members }
  /** `key` is the second that Go reads as `expected`: Ollama would use the last of them. */
  | { readonly kind: 'ambiguous'; readonly key: string; readonly expected: BodyKey }
  | { readonly kind: 'error'; readonly error: OllamaError }

const TABLES = Object.fromEntries(
  Object.entries(ENDPOINTS).map(([path, { keys }]) => [path, new KeyTable(Object.keys(keys) as BodyKey[])]),
) as Readonly<Record<EndpointPath, KeyTable<BodyKey>>>

/** Reads the keys of `endpoint` in the JSON `bytes`, as Ollama of this version does. */
export function* readKeys(endpoint: EndpointPath, bytes: Uint8Array, version: string): Slices<KeyReading> {
  const table = TABLES[endpoint]
  const members: Partial<Record<BodyKey, Span>> = {}
  let ambiguous: { key: string; expected: BodyKey } | null = null
  const scanned = yield* scanJsonInSlices(bytes, (keyStart, keyEnd, value) => {
    const key = table.find(bytes, keyStart, keyEnd)
    if (key === null) return
    if (members[key] !== undefined) ambiguous ??= { key: decodeJsonString(bytes, keyStart, keyEnd), expected: key }
    members[key] = value
  })
  const failed = (error: OllamaError): KeyReading => ({ kind: 'error', error })
  const unreadable = (message: string): KeyReading => failed(unreadableBody(endpoint, message, version))
  if (scanned.kind === 'empty') return failed(missingBody(endpoint, version))
  if (scanned.kind === 'broken') return unreadable(scanned.message)
  const { kind, end } = scanned.value
  // The layer that looks for compactions reads the whole body; elsewhere Ollama reads the first document of it.
  const isWhole = looksForCompaction(endpoint, version)
  if (isWhole) {
    const next = yield* skipSpace(bytes, end)
    if (next < bytes.length) return unreadable(`invalid JSON: something follows the document at position ${next}`)
  }
  // Go reads a null into any struct and leaves it as it is.
  if (kind !== 'object' && kind !== 'null') return unreadable(`the body must be a JSON object, not ${KIND_NAMES[kind]}`)
  if (ambiguous !== null) return { kind: 'ambiguous', ...(ambiguous as { key: string; expected: BodyKey }) }
  if (isWhole) {
    const wrong = wrongForCompaction(members)
    return wrong === null ? { kind: 'members', members } : failed(refusal(400, wrong, 'compaction'))
  }
  const wrong = wrongValue(bytes, members, ENDPOINTS[endpoint].keys)
  return wrong === null ? { kind: 'members', members } : unreadable(wrong)
}

const KIND_NAMES: Readonly<Record<JsonKind, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  number: 'a number',
  bool: 'true or false',
  null: 'null',
}

const wrongKind = (key: string, expected: JsonKind, { kind }: Span): string =>
  `${JSON.stringify(key)} must be ${KIND_NAMES[expected]}, not ${KIND_NAMES[kind]}`

/** The layer that looks for compactions reads only these two keys, the model first. */
function wrongForCompaction({ model, stream }: Members): string | null {
  if (model !== undefined && model.kind !== 'string') return 'model is required'
  if (stream === undefined || stream.kind === 'bool' || stream.kind === 'null' || model === undefined) return null
  return wrongKind('stream', 'bool', stream)
}

/** Returns what is wrong with the first value of a wrong kind. A wrong keep_alive comes first: it ends Ollama's reading. */
function wrongValue(bytes: Uint8Array, members: Members, kinds: KeyKinds): string | null {
  const keepAlive = readKeepAlive(bytes, members.keep_alive ?? null)
  if (keepAlive.kind === 'invalid') return keepAlive.message
  let first: { start: number; text: string } | null = null
  for (const [key, expected] of Object.entries(kinds)) {
    const value = members[key as BodyKey]
    if (value === undefined || expected === 'duration' || value.kind === expected || value.kind === 'null') continue
    if (first === null || value.start < first.start)
      first = { start: value.start, text: wrongKind(key, expected, value) }
  }
  return first?.text ?? null
}

/** The top-level keys by which the endpoints are asked for JSON. */
export const FORMAT_KEYS: KeyTable<string> = new KeyTable([
  ...new Set(Object.values(ENDPOINTS).flatMap(({ format }) => format?.slice(0, 1) ?? [])),
])

/**
 * Returns whether a request asks for an answer in JSON. It refuses nothing: the target refuses formats that it does not know.
 *
 * @param found the values of FORMAT_KEYS, of two with the same name the last
 */
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
  const table = new KeyTable([name])
  const onMember = (keyStart: number, keyEnd: number, member: Span): void => {
    if (table.find(bytes, keyStart, keyEnd) !== null) found = member
  }
  yield* scanJsonInSlices(bytes, onMember, value.start)
  return found
}
