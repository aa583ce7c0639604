// Owns the way from the body of `POST /jobs` to a submission and the wishes beside it: foreman's own keys are cut out as
// text, the rest is read as any other request of its endpoint and never changed otherwise.

import { ERRORS, errorMessage } from '../../protocol/error.ts'
import type { EndpointPath } from '../endpoint.ts'
import { NO_WISHES, type Submission, type Wishes } from '../job.ts'
import { decodeBody } from './content-coding.ts'
import { decodeJsonString, foldKey } from './go-text.ts'
import { OWN_KEYS, type OwnKey, type OwnMembers, readWishes } from './job-wishes.ts'
import { asksForJson, isFormatKey } from './json-format.ts'
import { type Span, scanJson } from './json-scan.ts'
import { cutMembers, type Extent } from './member-cut.ts'
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
export function readJobSubmission(request: RequestBytes, settings: ReadingSettings): JobReading {
  const { body, contentType, contentEncoding } = request
  if (mediaType(contentType ?? '').startsWith('multipart/'))
    return refuse('bad_request', { detail: 'POST /jobs takes JSON, not a form' })
  const coding = decodeBody(body, contentType, contentEncoding)
  const found = coding.kind === 'readable' ? findKeys(coding.bytes) : null
  // What cannot be read has its words already, where every other request is read.
  if (coding.kind !== 'readable' || found === null) return readRest('/api/chat', request, settings, NO_WISHES)
  if (found.kind === 'ambiguous') {
    const { key, expected } = found
    return refuse('ambiguous_key', { key: JSON.stringify(key), expected: JSON.stringify(expected) })
  }
  const { own, extents, lastKept, formats } = found
  const [firstOwn] = Object.keys(own)
  if (firstOwn !== undefined && coding.bytes !== body) {
    const detail = `${firstOwn} cannot be cut out of an encoded body: send it without Content-Encoding`
    return refuse('bad_request', { detail })
  }
  const { endpoint, wishes, problems } = readWishes(coding.bytes, own)
  if (problems.length > 0) return refuse('bad_request', { detail: problems.join('; ') })
  const rest = firstOwn === undefined ? body : cutMembers(body, extents, lastKept)
  const isJson = asksForJson(endpoint, coding.bytes, formats)
  return readRest(endpoint, { ...request, body: rest }, settings, { ...wishes, isJson })
}

function readRest(
  endpoint: EndpointPath,
  request: RequestBytes,
  settings: ReadingSettings,
  wishes: Wishes,
): JobReading {
  const reading = readSubmission(endpoint, request, settings)
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
    }
  /** A key that somebody could take for one of foreman's, or one that stands twice. */
  | { readonly kind: 'ambiguous'; readonly key: string; readonly expected: OwnKey }

/** `startBefore` is a slip of the hand that the target would swallow without a word. */
const squeezed = (key: string): string => foldKey(key).replace(/[_-]/g, '')

const BY_SQUEEZED: ReadonlyMap<string, OwnKey> = new Map(OWN_KEYS.map((key) => [squeezed(key), key]))
/** What is longer is none of the keys that are looked for, were all its letters escaped and set apart. */
const LONGEST_KEY = 6 * 2 * 'state_webhook_url'.length

/** Null: this is no JSON object. */
function findKeys(bytes: Uint8Array): Found | null {
  const own: Partial<Record<OwnKey, Span>> = {}
  const extents: Extent[] = []
  const formats = new Map<string, Span>()
  let lastKept: Extent | null = null
  let ambiguous: { key: string; expected: OwnKey } | null = null
  const scanned = scanJson(bytes, (keyStart, keyEnd, value) => {
    const extent = { start: keyStart - 1, end: value.end }
    const key = keyEnd - keyStart > LONGEST_KEY ? '' : decodeJsonString(bytes, keyStart, keyEnd)
    const expected = BY_SQUEEZED.get(squeezed(key))
    if (expected === undefined) {
      const folded = foldKey(key)
      if (isFormatKey(folded)) formats.set(folded, value)
      lastKept = extent
      return
    }
    if (key !== expected || own[expected] !== undefined) ambiguous ??= { key, expected }
    else {
      own[expected] = value
      extents.push(extent)
    }
  })
  if (scanned.kind !== 'document' || scanned.value.kind !== 'object') return null
  return ambiguous === null
    ? { kind: 'found', own, extents, lastKept, formats }
    : { kind: 'ambiguous', ...(ambiguous as { key: string; expected: OwnKey }) }
}
