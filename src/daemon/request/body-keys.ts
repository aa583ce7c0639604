// Owns THE table of the JSON keys that foreman reads of each endpoint, and their reading: where they stand, whether Ollama
// could read them otherwise than foreman does, whether it would refuse them. Pure; it looks at nothing else in a body.

import type { EndpointPath } from '../endpoint.ts'
import { decodeJsonString, foldKey } from './go-text.ts'
import { type JsonKind, type Span, scanJson } from './json-scan.ts'
import { readKeepAlive } from './keep-alive.ts'
import { missingBody, type OllamaError, unreadableBody } from './ollama-error.ts'

export type Key = 'model' | 'stream' | 'keep_alive' | 'messages' | 'prompt' | 'options'

/** Where the keys that are read stand. Absent ones are absent here; `null` is a value like others. */
export type Members = Readonly<Partial<Record<Key, Span>>>

export type KeyReading =
  | { readonly kind: 'members'; readonly members: Members }
  /** Ollama folds `key` onto `expected`, or takes the last of two. */
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
const NATIVE = { ...ROUTED, keep_alive: 'duration', options: 'map[string]interface {}' } as const
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
  '/v1/messages': { goType: 'anthropic.MessagesRequest', keys: ROUTED },
  '/v1/audio/transcriptions': { goType: 'openai.TranscriptionRequest', keys: {} },
  '/v1/images/generations': { goType: 'openai.ImageGenerationRequest', keys: IMAGE },
  '/v1/images/edits': { goType: 'openai.ImageEditRequest', keys: IMAGE },
}

/** What is longer folds to none of the keys: six bytes for each letter of `keep_alive`, were they all escaped. */
const LONGEST_KEY = 6 * 'keep_alive'.length

const isKey = (text: string, reads: Reads): text is Key => Object.hasOwn(reads.keys, text)

/** Reads the keys of `endpoint` in the JSON `bytes`. */
export function readKeys(endpoint: EndpointPath, bytes: Uint8Array): KeyReading {
  const reads = READS[endpoint]
  const members: Partial<Record<Key, Span>> = {}
  let ambiguous: { key: string; expected: Key } | null = null
  const scanned = scanJson(bytes, (keyStart, keyEnd, value) => {
    if (keyEnd - keyStart > LONGEST_KEY) return
    const key = decodeJsonString(bytes, keyStart, keyEnd)
    const folded = foldKey(key)
    if (!isKey(folded, reads)) return
    if (key !== folded || members[folded] !== undefined) ambiguous ??= { key, expected: folded }
    members[folded] = value
  })
  const failed = (error: OllamaError): KeyReading => ({ kind: 'error', error })
  if (scanned.kind === 'empty') return failed(missingBody(endpoint))
  if (scanned.kind === 'broken') return failed(unreadableBody(endpoint, scanned.message))
  const { kind } = scanned.value
  // Go reads a null into any struct and leaves it as it is.
  if (kind !== 'object' && kind !== 'null') {
    return failed(unreadableBody(endpoint, `json: cannot unmarshal ${kind} into Go value of type ${reads.goType}`))
  }
  if (ambiguous !== null) return { kind: 'ambiguous', ...(ambiguous as { key: string; expected: Key }) }
  const wrong = wrongValue(bytes, members, reads)
  return wrong === null ? { kind: 'members', members } : failed(unreadableBody(endpoint, wrong))
}

/** Go's word on the first value that does not fit its field; a keep_alive's error ends its reading and so comes first. */
function wrongValue(bytes: Uint8Array, members: Members, reads: Reads): string | null {
  const keepAlive = readKeepAlive(bytes, members.keep_alive ?? null)
  if (keepAlive.kind === 'invalid') return keepAlive.message
  const struct = reads.goType.slice(reads.goType.indexOf('.') + 1)
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
