// Helpers that read a body, for the tests of this folder.

import { ENDPOINTS, type EndpointPath } from '../../src/daemon/domain/endpoint.ts'
import type { Submission } from '../../src/daemon/domain/job.ts'
import { decodeBody } from '../../src/daemon/request/content-coding.ts'
import { type JobReading, readJobSubmission } from '../../src/daemon/request/job-submission.ts'
import { withKeepAlive } from '../../src/daemon/request/keep-alive.ts'
import {
  type ReadingSettings,
  type RequestBytes,
  readSubmission,
  type SubmissionResult,
} from '../../src/daemon/request/submission.ts'
import { runAtOnce } from '../../src/daemon/text/slices.ts'

export const PATHS = Object.keys(ENDPOINTS) as EndpointPath[]
export const SETTINGS = { version: '0.17.4' }
export const MESSAGES = '"messages":[{"role":"user","content":"hi"}]'

interface Headers {
  readonly contentType?: string | null
  readonly contentEncoding?: string | null
}

export function read(
  endpoint: EndpointPath,
  body: string | Uint8Array,
  { contentType = 'application/json', contentEncoding = null }: Headers = {},
  settings: { version: string } = SETTINGS,
): SubmissionResult {
  const bytes = new Uint8Array(Buffer.from(body as string))
  return readAtOnce(endpoint, { body: bytes, contentType, contentEncoding }, settings)
}

type Undecoded = Omit<RequestBytes, 'coding'>

/** A request with its coding, for an uncompressed body: a compressed one is decoded in another thread. */
function withCoding(request: Undecoded): RequestBytes {
  const coding = decodeBody(request.body, request.contentType, request.contentEncoding)
  if (coding instanceof Promise) throw new Error('a compressed body is read by readEncoded')
  return { ...request, coding }
}

export const readAtOnce = (endpoint: EndpointPath, request: Undecoded, settings: ReadingSettings): SubmissionResult =>
  runAtOnce(readSubmission(endpoint, withCoding(request), settings))

export const readJobAtOnce = (request: Undecoded, settings: ReadingSettings): JobReading =>
  runAtOnce(readJobSubmission(withCoding(request), settings))

/** The same for any body. */
export async function readEncoded(
  endpoint: EndpointPath,
  body: Uint8Array,
  contentEncoding: string | null,
  contentType: string | null = 'application/json',
  settings: ReadingSettings = SETTINGS,
): Promise<SubmissionResult> {
  const bytes = new Uint8Array(body)
  const coding = await decodeBody(bytes, contentType, contentEncoding)
  return runAtOnce(readSubmission(endpoint, { body: bytes, contentType, contentEncoding, coding }, settings))
}

export async function readEncodedJob(body: Uint8Array, contentEncoding: string): Promise<JobReading> {
  const bytes = new Uint8Array(body)
  const coding = await decodeBody(bytes, null, contentEncoding)
  return runAtOnce(readJobSubmission({ body: bytes, contentType: null, contentEncoding, coding }, SETTINGS))
}

export function taken(reading: SubmissionResult): Submission {
  if (reading.kind === 'refused') throw new Error(`refused: ${reading.status} ${reading.message}`)
  return reading.submission
}

export function refused(reading: SubmissionResult): { status: number; message: string; code: string | null } {
  if (reading.kind !== 'refused') throw new Error(`taken for a ${reading.kind}`)
  return { status: reading.status, message: reading.message, code: reading.code }
}

export const text = (submission: Submission): string => Buffer.from(submission.body).toString()

/** The body that is sent to a target without the model in memory. */
export const sentText = ({ body, lacksKeepAlive }: Submission, keepAlive = '30m'): string =>
  Buffer.from(lacksKeepAlive === true ? runAtOnce(withKeepAlive(body, keepAlive)) : body).toString('latin1')
