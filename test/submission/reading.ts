// Owns the short way from a body to its reading, for the tests beside it.

import { ENDPOINTS, type EndpointPath } from '../../src/daemon/endpoint.ts'
import type { Submission } from '../../src/daemon/job.ts'
import { type Reading, readSubmission } from '../../src/daemon/request/submission.ts'

export const PATHS = Object.keys(ENDPOINTS) as EndpointPath[]
export const SETTINGS = { keepAlive: '30m', version: '0.17.4' }
export const MESSAGES = '"messages":[{"role":"user","content":"hi"}]'

interface Headers {
  readonly contentType?: string | null
  readonly contentEncoding?: string | null
}

export function read(
  endpoint: EndpointPath,
  body: string | Uint8Array,
  { contentType = 'application/json', contentEncoding = null }: Headers = {},
  settings: { keepAlive: string | null; version: string } = SETTINGS,
): Reading {
  return readSubmission(
    endpoint,
    { body: new Uint8Array(Buffer.from(body as string)), contentType, contentEncoding },
    settings,
  )
}

export function taken(reading: Reading): Submission {
  if (reading.kind === 'refused') throw new Error(`refused: ${reading.status} ${reading.message}`)
  return reading.submission
}

export function refused(reading: Reading): { status: number; message: string; code: string | null } {
  if (reading.kind !== 'refused') throw new Error(`taken for a ${reading.kind}`)
  return { status: reading.status, message: reading.message, code: reading.code }
}

export const text = (submission: Submission): string => Buffer.from(submission.body).toString()
