// Reader of a request's bytes: what it runs, what it may be grouped with, and whether it lacks a keep_alive. It changes no byte.
// Errors that Ollama would give are returned at once.

import { ERRORS, type ErrorCode, errorMessage } from '../../protocol/error.ts'
import { affinityOf, RUNNER_OPTIONS, type RunnerSettings } from '../domain/affinity.ts'
import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import type { Submission } from '../domain/job.ts'
import type { KnownModel } from '../domain/model-facts.ts'
import { decodeJsonString } from '../text/json.ts'
import { literalText, type Span, scanJsonInSlices, skipSpace } from '../text/json-scan.ts'
import type { Slices } from '../text/slices.ts'
import { readKeys } from './body-keys.ts'
import type { Coding } from './content-coding.ts'
import { readKeepAlive } from './keep-alive.ts'
import { KeyTable } from './key-table.ts'
import { mediaType, readForm } from './multipart.ts'
import {
  type OllamaError,
  refusal,
  type Speaker,
  undecodableBody,
  unreadableBody,
  unusableName,
} from './ollama-error.ts'

export interface RequestBytes {
  readonly body: Uint8Array<ArrayBuffer>
  /** The headers as they came; null if there is none. */
  readonly contentType: string | null
  readonly contentEncoding: string | null
  /** The readable body (content-coding.ts). */
  readonly coding: Coding
}

export interface ReadingSettings {
  /** The target's version at the last probe. */
  readonly version: string
  /** What /api/show says of a model; null while it is not known. */
  readonly knownModel?: (model: string) => KnownModel | null
}

export interface Refused {
  readonly kind: 'refused'
  readonly status: number
  readonly message: string
  /** Null for an error of Ollama's. */
  readonly code: ErrorCode | null
  /** Which part of Ollama would write it. errorBody needs it for the shape. */
  readonly speaker: Speaker
}

export type SubmissionResult =
  | { readonly kind: 'submission'; readonly submission: Submission }
  /** Native, without a prompt and with a keep_alive of zero: it only unloads a model, so it bypasses the queue. */
  | { readonly kind: 'unload'; readonly submission: Submission }
  | Refused

/** Reads a request to `endpoint`. */
export function* readSubmission(
  endpoint: EndpointPath,
  request: RequestBytes,
  settings: ReadingSettings,
): Slices<SubmissionResult> {
  const { coding } = request
  if (coding.kind === 'unsupported') return refuseBy('unsupported_encoding', { what: coding.what })
  if (coding.kind === 'broken') {
    const error = undecodableBody(endpoint, coding.message, settings.version)
    return error === null ? refuseBy('bad_request', { detail: coding.message }) : refuse(error)
  }
  return isForm(endpoint, request.contentType)
    ? yield* fromForm(endpoint, request, coding.bytes, settings)
    : yield* fromJson(endpoint, request, coding.bytes, settings)
}

function refuse(error: OllamaError): Refused {
  return { kind: 'refused', ...error, code: null }
}

/** An error of foreman's own. `speaker` has no effect on it where all errors have one shape. */
export function refuseBy(
  code: 'bad_request' | 'ambiguous_key' | 'unsupported_encoding',
  values: Readonly<Record<string, string>>,
): Refused {
  return { kind: 'refused', status: ERRORS[code].status, message: errorMessage(code, values), code, speaker: 'layer' }
}

export function refuseAmbiguous(key: string, expected: string): Refused {
  return refuseBy('ambiguous_key', { key: JSON.stringify(key), expected: JSON.stringify(expected) })
}

/** Of a form, only the model is read. */
function isForm(endpoint: EndpointPath, contentType: string | null): boolean {
  const { body, mayBeForm } = ENDPOINTS[endpoint]
  return body === 'multipart' || (mayBeForm === true && mediaType(contentType ?? '') === 'multipart/form-data')
}

function* fromForm(
  endpoint: EndpointPath,
  request: RequestBytes,
  bytes: Uint8Array,
  settings: ReadingSettings,
): Slices<SubmissionResult> {
  const form = yield* readForm(bytes, request.contentType, ['model'])
  if (form.kind === 'broken') {
    return refuse(unreadableBody(endpoint, `failed to parse multipart form: ${form.message}`, settings.version))
  }
  const [model = '', second] = form.fields.get('model') ?? []
  if (second !== undefined) return refuseAmbiguous('model', 'model')
  const error = unusableName(endpoint, model, settings.version)
  if (error !== null) return refuse(error)
  return { kind: 'submission', submission: submit(endpoint, request, model, {}, settings, false, false) }
}

function* fromJson(
  endpoint: EndpointPath,
  request: RequestBytes,
  bytes: Uint8Array,
  settings: ReadingSettings,
): Slices<SubmissionResult> {
  const reading = yield* readKeys(endpoint, bytes, settings.version)
  const { coding } = request
  if (reading.kind === 'error' && coding.kind === 'readable' && coding.ignored !== undefined)
    return refuseBy('unsupported_encoding', { what: coding.ignored })
  if (reading.kind === 'error') return refuse(reading.error)
  if (reading.kind === 'ambiguous') return refuseAmbiguous(reading.key, reading.expected)
  const { members } = reading
  const model = members.model?.kind === 'string' ? nameAt(bytes, members.model) : ''
  const { requires, saysWith, streamsByDefault } = ENDPOINTS[endpoint]
  if (requires !== undefined && (yield* isEmpty(bytes, members[requires.key])))
    return refuse(refusal(400, requires.error, 'layer'))
  const error = unusableName(endpoint, model, settings.version)
  if (error !== null) return refuse(error)

  const loadOnly = saysWith !== undefined && (yield* isEmpty(bytes, members[saysWith]))
  const stream = boolIn(bytes, members.stream) ?? streamsByDefault
  const runner = { ...(yield* readOptions(bytes, members.options)), shift: boolIn(bytes, members.shift) }
  const submission = submit(endpoint, request, model, runner, settings, stream, loadOnly)
  if (loadOnly && readKeepAlive(bytes, members.keep_alive ?? null).kind === 'zero')
    return { kind: 'unload', submission }
  // An encoded body is never edited: `bytes` would be a copy.
  const lacksKeepAlive = saysWith !== undefined && members.keep_alive === undefined && bytes === request.body
  return { kind: 'submission', submission: lacksKeepAlive ? { ...submission, lacksKeepAlive } : submission }
}

function submit(
  endpoint: EndpointPath,
  { body, contentType, contentEncoding }: RequestBytes,
  model: string,
  runner: RunnerSettings,
  { version, knownModel }: ReadingSettings,
  stream: boolean,
  loadOnly: boolean,
): Submission {
  const affinity = affinityOf(model.trim(), runner, { version, model: knownModel?.(model) ?? null })
  return { endpoint, model, affinity, stream, loadOnly, contentType, contentEncoding, body }
}

/** Ollama accepts no name of more than 590 characters. Of a longer text only the beginning is read. */
const MAX_NAME_BYTES = 64 * 1024

/** Returns the text of a model's name. If it is too long, it ends in a character that no name may have. */
function nameAt(bytes: Uint8Array, { start, end }: Span): string {
  if (end - start <= MAX_NAME_BYTES) return decodeJsonString(bytes, start + 1, end - 1)
  return `${Buffer.from(bytes.subarray(start + 1, start + 201)).toString('latin1')}…`
}

/** Returns null if the value is absent or null. */
const boolIn = (bytes: Uint8Array, value: Span | undefined): boolean | null =>
  value?.kind === 'bool' ? bytes[value.start] === 0x74 : null

/** Returns whether the value is empty to Ollama: absent, null, `""` or `[]`. */
function* isEmpty(bytes: Uint8Array, value: Span | undefined): Slices<boolean> {
  if (value === undefined || value.kind === 'null') return true
  if (value.kind === 'string') return value.end - value.start === 2
  return value.kind === 'array' && bytes[yield* skipSpace(bytes, value.start + 1)] === 0x5d
}

const OPTIONS = new KeyTable(RUNNER_OPTIONS, { folds: false })
/** A longer number is ignored: its job is grouped with those that do not set the option. */
const MAX_NUMBER_BYTES = 4096

/** Returns the runner options that are set, as Go reads them: exact names, the last of two, whole numbers. */
function* readOptions(bytes: Uint8Array, value: Span | undefined): Slices<Readonly<Record<string, number | boolean>>> {
  const options = new Map<string, number | boolean>()
  if (value?.kind !== 'object') return {}
  const onOption = (keyStart: number, keyEnd: number, option: Span): void => {
    const name = OPTIONS.find(bytes, keyStart, keyEnd)
    if (name === null) return
    if (option.kind === 'number' && option.end - option.start <= MAX_NUMBER_BYTES)
      options.set(name, Math.trunc(Number(literalText(bytes, option))))
    else if (option.kind === 'bool') options.set(name, literalText(bytes, option) === 'true')
    // A null counts as absent. The target refuses anything else.
    else options.delete(name)
  }
  yield* scanJsonInSlices(bytes, onOption, value.start)
  return Object.fromEntries(options)
}
