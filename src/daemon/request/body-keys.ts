// Table of the JSON keys that foreman reads of each endpoint, and their reading: where they stand, whether one stands twice,
// whether Ollama would refuse its value. Pure; it looks at nothing else in a body.

import type { EndpointPath } from '../domain/endpoint.ts'
import { hasChange } from '../domain/ollama-version.ts'
import { decodeJsonString, quoteByte } from '../text/go-text.ts'
import { type JsonKind, type JsonScan, type Span, scanJsonInSlices, skipSpace } from '../text/json-scan.ts'
import { copyInSlices, type Slices } from '../text/slices.ts'
import { readKeepAlive } from './keep-alive.ts'
import { KeyTable } from './key-table.ts'
import {
  looksForCompaction,
  missingBody,
  type OllamaError,
  refusedByCompaction,
  unreadableBody,
} from './ollama-error.ts'

export type Key = 'model' | 'stream' | 'keep_alive' | 'messages' | 'prompt' | 'options' | 'shift'

/** Where the keys that are read stand. Absent ones are absent here; `null` is a value like others. */
export type Members = Readonly<Partial<Record<Key, Span>>>

export type KeyReading =
  | { readonly kind: 'members'; readonly members: Members }
  /** `key` is the second one that Go takes for `expected`: Ollama would read the last of them. */
  | { readonly kind: 'ambiguous'; readonly key: string; readonly expected: Key }
  | { readonly kind: 'error'; readonly error: OllamaError }

/** The Go types of the fields that are read, and the JSON that Go reads into them; a duration has rules of its own. */
const TYPES = {
  string: 'string',
  bool: 'bool',
  duration: null,
  'map[string]interface {}': 'object',
  '[]api.Message': 'array',
  '[]openai.Message': 'array',
} as const satisfies Record<string, JsonKind | null>

interface Reads {
  /** The Go type that Ollama reads the body into: it stands in its errors. */
  readonly goType: string
  readonly keys: Readonly<Partial<Record<Key, keyof typeof TYPES>>>
}

const ROUTED = { model: 'string', stream: 'bool' } as const
const NATIVE = { ...ROUTED, keep_alive: 'duration', options: 'map[string]interface {}', shift: 'bool' } as const
const IMAGE = { model: 'string', prompt: 'string' } as const

/**
 * `/v1` knows no options and no keep_alive (openai.FromChatRequest and its sisters pass none on), images never stream, and
 * `name` is no other word for `model` on any of these. A transcription is a form, never JSON.
 */
const READS: Readonly<Record<EndpointPath, Reads>> = {
  '/api/chat': { goType: 'api.ChatRequest', keys: { ...NATIVE, messages: '[]api.Message' } },
  '/api/generate': { goType: 'api.GenerateRequest', keys: { ...NATIVE, prompt: 'string' } },
  '/v1/chat/completions': {
    goType: 'openai.ChatCompletionRequest',
    keys: { ...ROUTED, messages: '[]openai.Message' },
  },
  '/v1/completions': { goType: 'openai.CompletionRequest', keys: ROUTED },
  '/v1/responses': { goType: 'openai.ResponsesRequest', keys: ROUTED },
  // Its answer is never streamed, whatever it asks for.
  '/v1/responses/compact': { goType: 'openai.ResponsesRequest', keys: { model: 'string' } },
  '/v1/messages': { goType: 'anthropic.MessagesRequest', keys: ROUTED },
  '/v1/audio/transcriptions': { goType: 'openai.TranscriptionRequest', keys: {} },
  '/v1/images/generations': { goType: 'openai.ImageGenerationRequest', keys: IMAGE },
  '/v1/images/edits': { goType: 'openai.ImageEditRequest', keys: IMAGE },
}

const TABLES = Object.fromEntries(
  Object.entries(READS).map(([path, { keys }]) => [path, KeyTable.of(Object.keys(keys) as Key[])]),
) as Readonly<Record<EndpointPath, KeyTable<Key>>>

/** Reads the keys of `endpoint` in the JSON `bytes`, as Ollama of this version does. */
export function* readKeys(endpoint: EndpointPath, bytes: Uint8Array, version: string): Slices<KeyReading> {
  const reads = READS[endpoint]
  const table = TABLES[endpoint]
  const members: Partial<Record<Key, Span>> = {}
  let ambiguous: { key: string; expected: Key } | null = null
  const scanned = yield* scanJsonInSlices(bytes, (keyStart, keyEnd, value) => {
    const key = table.find(bytes, keyStart, keyEnd)
    if (key === null) return
    if (members[key] !== undefined) ambiguous ??= { key: decodeJsonString(bytes, keyStart, keyEnd), expected: key }
    members[key] = value
  })
  const failed = (error: OllamaError): KeyReading => ({ kind: 'error', error })
  if (scanned.kind === 'empty') return failed(missingBody(endpoint, version))
  const isWhole = looksForCompaction(endpoint, version)
  const broken = isWhole ? yield* brokenWhole(bytes, scanned) : scanned.kind === 'broken' ? scanned.message : null
  if (broken !== null || scanned.kind === 'broken') return failed(unreadableBody(endpoint, broken ?? '', version))
  const { kind } = scanned.value
  // Go reads a null into any struct and leaves it as it is.
  if (kind !== 'object' && kind !== 'null') {
    const goType = isWhole ? 'map[string]json.RawMessage' : typeText(reads.goType, endpoint, version)
    return failed(unreadableBody(endpoint, `json: cannot unmarshal ${kind} into Go value of type ${goType}`, version))
  }
  if (ambiguous !== null) return { kind: 'ambiguous', ...(ambiguous as { key: string; expected: Key }) }
  if (isWhole) {
    const wrong = wrongForCompaction(members)
    return wrong === null ? { kind: 'members', members } : failed(refusedByCompaction(wrong))
  }
  const struct = structText(reads.goType, endpoint, version)
  const wrong = wrongValue(bytes, members, reads, struct)
  return wrong === null ? { kind: 'members', members } : failed(unreadableBody(endpoint, wrong, version))
}

const SPACE = 0x20

/** What Go's json.Unmarshal says of a text that json.Decoder, which is used elsewhere, reads the first document of. */
function* brokenWhole(bytes: Uint8Array, scanned: JsonScan): Slices<string | null> {
  if (scanned.kind === 'broken') {
    if (scanned.message !== 'unexpected EOF') return scanned.message
    // At the end Go's scanner is given a space, which may be wrong where it stands.
    const withSpace = new Uint8Array(bytes.length + 1).fill(SPACE, bytes.length)
    yield* copyInSlices(withSpace, 0, bytes)
    const spaced = yield* scanJsonInSlices(withSpace)
    const message = spaced.kind === 'broken' ? spaced.message : scanned.message
    return message === scanned.message ? 'unexpected end of JSON input' : message
  }
  if (scanned.kind === 'empty') return null
  const next = bytes[yield* skipSpace(bytes, scanned.value.end)]
  return next === undefined ? null : `invalid character ${quoteByte(next)} after top-level value`
}

/** The layer that looks for compactions reads these two by themselves, the model first. */
function wrongForCompaction({ model, stream }: Members): string | null {
  if (model !== undefined && model.kind !== 'string') return 'model is required'
  if (stream === undefined || stream.kind === 'bool' || stream.kind === 'null' || model === undefined) return null
  return `invalid stream value: json: cannot unmarshal ${stream.kind} into Go value of type bool`
}

const isWrapped = (endpoint: EndpointPath, version: string): boolean =>
  (endpoint === '/api/chat' || endpoint === '/api/generate') && hasChange(version, 'wrappedRequests')

/** The Go type of the whole body, as it stands in an error. */
const typeText = (goType: string, endpoint: EndpointPath, version: string): string =>
  isWrapped(endpoint, version) ? `struct { *${goType}; Think json.RawMessage "json:\\"think\\"" }` : goType

/** The struct before the name of a field: one without a name, with the request in it, since 0.34.3. */
function structText(goType: string, endpoint: EndpointPath, version: string): string {
  const name = goType.slice(goType.indexOf('.') + 1)
  return isWrapped(endpoint, version) ? `.${name}` : name
}

/** Go's word on the first value that does not fit its field; a keep_alive's error ends its reading and so comes first. */
function wrongValue(bytes: Uint8Array, members: Members, reads: Reads, struct: string): string | null {
  const keepAlive = readKeepAlive(bytes, members.keep_alive ?? null)
  if (keepAlive.kind === 'invalid') return keepAlive.message
  let first: { start: number; text: string } | null = null
  for (const [key, goType] of Object.entries(reads.keys)) {
    const value = members[key as Key]
    const expected = TYPES[goType]
    if (value === undefined || expected === null || value.kind === expected || value.kind === 'null') continue
    if (first !== null && first.start < value.start) continue
    const text = `json: cannot unmarshal ${value.kind} into Go struct field ${struct}.${key} of type ${goType}`
    first = { start: value.start, text }
  }
  return first?.text ?? null
}
