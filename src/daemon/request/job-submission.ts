// Reader of the body of `POST /jobs`. foreman's own keys become the job's options and are cut out of the text. The rest is read as
// any other request of its endpoint and not changed.

import type { EndpointPath } from '../domain/endpoint.ts'
import { type AsyncOptions, NO_OPTIONS, type Submission } from '../domain/job.ts'
import { decodeJsonString } from '../text/json.ts'
import { type Span, scanJsonInSlices } from '../text/json-scan.ts'
import { copyInSlices, type Slices } from '../text/slices.ts'
import { asksForJson, FORMAT_KEYS } from './body-keys.ts'
import { OWN_KEYS, type OwnKey, type OwnMembers, readOptions } from './job-options.ts'
import { KeyTable } from './key-table.ts'
import { type MistypedKey, MistypedKeys } from './mistyped-key.ts'
import { mediaType } from './multipart.ts'
import {
  type ReadingSettings,
  type Refused,
  type RequestBytes,
  readSubmission,
  refuseAmbiguous,
  refuseBy,
} from './submission.ts'

export type JobReading =
  | { readonly kind: 'job'; readonly submission: Submission; readonly options: AsyncOptions }
  /** `speaker` has no effect: on `/jobs` all errors have one shape. */
  | Refused

/**
 * Reads a request to `POST /jobs`. As on the target's own routes, any Content-Type but that of a form is read as JSON. A request
 * that only unloads a model is a job too: its caller wants to know when it is done.
 */
export function* readJobSubmission(request: RequestBytes, settings: ReadingSettings): Slices<JobReading> {
  const { body, contentType, coding } = request
  if (mediaType(contentType ?? '').startsWith('multipart/'))
    return refuseBy('bad_request', { detail: 'POST /jobs takes JSON, not a form' })
  const found = coding.kind === 'readable' ? yield* findKeys(coding.bytes) : null
  // An unreadable body gets the same error as on the other routes.
  if (coding.kind !== 'readable' || found === null) return yield* readRest('/api/chat', request, settings, NO_OPTIONS)
  if (found.kind === 'ambiguous') return refuseAmbiguous(found.key, found.expected)
  const { own, extents, lastKept, formats, mistyped } = found
  if (mistyped !== null) {
    const { key, expected } = mistyped
    const detail = `${JSON.stringify(key)} is not a key of POST /jobs or of the target: did you mean ${JSON.stringify(expected)}?`
    return refuseBy('bad_request', { detail })
  }
  const [firstOwn] = Object.keys(own)
  if (firstOwn !== undefined && coding.bytes !== body) {
    const detail = `${firstOwn} cannot be cut out of an encoded body: send it without Content-Encoding`
    return refuseBy('bad_request', { detail })
  }
  const { endpoint, options, problems } = readOptions(coding.bytes, own)
  if (problems.length > 0) return refuseBy('bad_request', { detail: problems.join('; ') })
  const isJson = yield* asksForJson(endpoint, coding.bytes, formats)
  if (firstOwn === undefined) return yield* readRest(endpoint, request, settings, { ...options, isJson })
  const rest = yield* cutMembers(body, extents, lastKept)
  // A decoded body is never cut, so the rest needs no decoding.
  const cut = { ...request, body: rest, coding: { ...coding, bytes: rest } }
  return yield* readRest(endpoint, cut, settings, { ...options, isJson })
}

function* readRest(
  endpoint: EndpointPath,
  request: RequestBytes,
  settings: ReadingSettings,
  options: AsyncOptions,
): Slices<JobReading> {
  const reading = yield* readSubmission(endpoint, request, settings)
  return reading.kind === 'refused' ? reading : { kind: 'job', submission: reading.submission, options }
}

type Found =
  | {
      readonly kind: 'found'
      readonly own: OwnMembers
      /** Where foreman's own members are, in order. */
      readonly extents: readonly Extent[]
      readonly lastKept: Extent | null
      /** The values of FORMAT_KEYS. */
      readonly formats: ReadonlyMap<string, Span>
      readonly mistyped: MistypedKey | null
    }
  /** A key that looks like one of foreman's, or that is given twice. */
  | { readonly kind: 'ambiguous'; readonly key: string; readonly expected: OwnKey }

/** `startBefore` is probably meant as `start_before`; the target would silently ignore it. */
const SQUEEZED = new KeyTable(OWN_KEYS, { ignores: '_-' })

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

/** Extent of a member: from its key's opening quote to behind its value. */
interface Extent {
  readonly start: number
  readonly end: number
}

/**
 * Returns `bytes` without `members` (in order). `lastKept` is the last member that stays, or null. The other members need not be
 * known: a body may hold millions.
 */
function* cutMembers(
  bytes: Uint8Array<ArrayBuffer>,
  members: readonly Extent[],
  lastKept: Extent | null,
): Slices<Uint8Array<ArrayBuffer>> {
  const cuts = cutsOf(bytes, members, lastKept)
  const left = new Uint8Array(bytes.byteLength - cuts.reduce((sum, { start, end }) => sum + end - start, 0))
  let read = 0
  let written = 0
  for (const { start, end } of [...cuts, { start: bytes.byteLength, end: bytes.byteLength }]) {
    yield* copyInSlices(left, written, bytes.subarray(read, start))
    written += start - read
    read = end
  }
  return left
}

const COMMA = 0x2c

/** A member is removed with the comma behind it; the last ones, behind which no member stays, with the comma before them. */
function cutsOf(bytes: Uint8Array, members: readonly Extent[], lastKept: Extent | null): readonly Extent[] {
  const isInside = ({ start }: Extent): boolean => lastKept !== null && start < lastKept.start
  const cuts = members.filter(isInside).map(({ start, end }) => ({ start, end: bytes.indexOf(COMMA, end) + 1 }))
  const tail = members.filter((member) => !isInside(member))
  const [first, last] = [tail[0], tail.at(-1)]
  if (first === undefined || last === undefined) return cuts
  const start = lastKept === null ? first.start : bytes.indexOf(COMMA, lastKept.end)
  return [...cuts, { start, end: last.end }]
}
