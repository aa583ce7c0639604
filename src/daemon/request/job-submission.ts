// Reads the body of `POST /jobs`: foreman's own keys become the wishes beside the submission and are cut out as text, the
// rest is read as any other request of its endpoint and never changed otherwise.

import { ERRORS, errorMessage } from '../../protocol/error.ts'
import type { EndpointPath } from '../domain/endpoint.ts'
import { NO_WISHES, type Submission, type Wishes } from '../domain/job.ts'
import { type Span, scanJsonInSlices } from '../text/json-scan.ts'
import { decodeJsonString } from '../text/json-string.ts'
import type { Slices } from '../text/slices.ts'
import { OWN_KEYS, type OwnKey, type OwnMembers, readWishes } from './job-options.ts'
import { asksForJson, FORMAT_KEYS } from './json-format.ts'
import { KeyTable } from './key-table.ts'
import { cutMembers, type Extent } from './member-cut.ts'
import { type MistypedKey, MistypedKeys } from './mistyped-key.ts'
import { mediaType } from './multipart.ts'
import { type ReadingSettings, type Refused, type RequestBytes, readSubmission } from './submission.ts'

export type JobReading =
  | { readonly kind: 'job'; readonly submission: Submission; readonly wishes: Wishes }
  /** `speaker` means nothing here: on `/jobs` all errors have one shape. */
  | Refused

/**
 * Reads what `POST /jobs` was sent. As on the target's own routes any Content-Type is taken for JSON, but for a form. A
 * request that only unloads a model is a job like another: its caller asked to be told when it is done.
 */
export function* readJobSubmission(request: RequestBytes, settings: ReadingSettings): Slices<JobReading> {
  const { body, contentType, coding } = request
  if (mediaType(contentType ?? '').startsWith('multipart/'))
    return refuse('bad_request', { detail: 'POST /jobs takes JSON, not a form' })
  const found = coding.kind === 'readable' ? yield* findKeys(coding.bytes) : null
  // What cannot be read has its words already, where every other request is read.
  if (coding.kind !== 'readable' || found === null) return yield* readRest('/api/chat', request, settings, NO_WISHES)
  if (found.kind === 'ambiguous') {
    const { key, expected } = found
    return refuse('ambiguous_key', { key: JSON.stringify(key), expected: JSON.stringify(expected) })
  }
  const { own, extents, lastKept, formats, mistyped } = found
  if (mistyped !== null) {
    const { key, expected } = mistyped
    const detail = `${JSON.stringify(key)} is not a key of POST /jobs or of the target: did you mean ${JSON.stringify(expected)}?`
    return refuse('bad_request', { detail })
  }
  const [firstOwn] = Object.keys(own)
  if (firstOwn !== undefined && coding.bytes !== body) {
    const detail = `${firstOwn} cannot be cut out of an encoded body: send it without Content-Encoding`
    return refuse('bad_request', { detail })
  }
  const { endpoint, wishes, problems } = readWishes(coding.bytes, own)
  if (problems.length > 0) return refuse('bad_request', { detail: problems.join('; ') })
  const isJson = yield* asksForJson(endpoint, coding.bytes, formats)
  if (firstOwn === undefined) return yield* readRest(endpoint, request, settings, { ...wishes, isJson })
  const rest = yield* cutMembers(body, extents, lastKept)
  // What had to be decoded is not cut, so the rest is read as it stands.
  const cut = { ...request, body: rest, coding: { ...coding, bytes: rest } }
  return yield* readRest(endpoint, cut, settings, { ...wishes, isJson })
}

function* readRest(
  endpoint: EndpointPath,
  request: RequestBytes,
  settings: ReadingSettings,
  wishes: Wishes,
): Slices<JobReading> {
  const reading = yield* readSubmission(endpoint, request, settings)
  return reading.kind === 'refused' ? reading : { kind: 'job', submission: reading.submission, wishes }
}

function refuse(code: 'bad_request' | 'ambiguous_key', values: Readonly<Record<string, string>>): Refused {
  return { kind: 'refused', status: ERRORS[code].status, message: errorMessage(code, values), code, speaker: 'layer' }
}

type Found =
  | {
      readonly kind: 'found'
      readonly own: OwnMembers
      /** Of foreman's own members, in their order. */
      readonly extents: readonly Extent[]
      readonly lastKept: Extent | null
      /** What json-format.ts wants to see. */
      readonly formats: ReadonlyMap<string, Span>
      readonly mistyped: MistypedKey | null
    }
  /** A key that somebody could take for one of foreman's, or one that stands twice. */
  | { readonly kind: 'ambiguous'; readonly key: string; readonly expected: OwnKey }

/** `startBefore` is a slip of the hand that the target would swallow without a word. */
const SQUEEZED = new KeyTable(
  OWN_KEYS.map((key) => [key.replaceAll('_', ''), key] as const),
  { ignores: '_-' },
)

/** Returns null if the body is not a JSON object. */
function* findKeys(bytes: Uint8Array): Slices<Found | null> {
  const own: Partial<Record<OwnKey, Span>> = {}
  const extents: Extent[] = []
  const formats = new Map<string, Span>()
  const mistyped = new MistypedKeys()
  let lastKept: Extent | null = null
  let ambiguous: { key: string; expected: OwnKey } | null = null
  const scanned = yield* scanJsonInSlices(bytes, (keyStart, keyEnd, value) => {
    const extent = { start: keyStart - 1, end: value.end }
    const expected = SQUEEZED.find(bytes, keyStart, keyEnd)
    if (expected === null) {
      const format = FORMAT_KEYS.find(bytes, keyStart, keyEnd)
      if (format !== null) formats.set(format, value)
      else mistyped.see(bytes, keyStart, keyEnd)
      lastKept = extent
      return
    }
    const key = decodeJsonString(bytes, keyStart, keyEnd)
    if (key !== expected || own[expected] !== undefined) ambiguous ??= { key, expected }
    else {
      own[expected] = value
      extents.push(extent)
    }
  })
  if (scanned.kind !== 'document' || scanned.value.kind !== 'object') return null
  return ambiguous === null
    ? { kind: 'found', own, extents, lastKept, formats, mistyped: mistyped.found }
    : { kind: 'ambiguous', ...(ambiguous as { key: string; expected: OwnKey }) }
}
