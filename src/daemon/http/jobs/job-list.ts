// `GET /jobs`: a page of jobs, the newest first, and the cursor of the next page. It never shows a prompt.

import type { JobListDocument } from '../../../protocol/wire.ts'
import { normaliseModel } from '../../domain/affinity.ts'
import { STATES } from '../../domain/job.ts'
import { jobSummary } from '../../domain/job-document.ts'
import type { Call } from '../call.ts'
import { sendJson } from '../respond.ts'
import { queueContextOf } from './job-view.ts'
import { QueryReader } from './query-reader.ts'

export const MAX_PAGE_JOBS = 200
export const DEFAULT_PAGE_JOBS = 50

export async function listJobs(call: Call): Promise<void> {
  const { context, res } = call
  const query = new QueryReader(call.query, ['state', 'model', 'label', 'limit', 'cursor'])
  const limit = query.read('limit', limitOf, `a whole number from 1 to ${MAX_PAGE_JOBS}`) ?? DEFAULT_PAGE_JOBS
  const filter = {
    state: query.read('state', stateOf, `one of ${STATES.join(', ')}`),
    model: query.read('model', (text) => (text.trim() === '' ? null : normaliseModel(text)), 'a name'),
    label: query.read('label', (text) => text, 'a label'),
    before: query.read('cursor', sequenceOf, 'the `next` of an earlier page'),
  }
  if (query.error !== null) return call.refuse(query.error)
  const { residency } = context.dispatcher
  // One more job than is shown tells whether there is a next page.
  const found = await context.store.list({ ...filter, limit: limit + 1 }, residency)
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const document: JobListDocument = {
    jobs: page.map((entry) => jobSummary(entry.job, queueContextOf(context, entry, residency))),
    next: found.length > limit && last !== undefined ? cursorOf(last.job.sequence) : null,
  }
  sendJson(res, 200, document)
}

/** Opaque to clients. */
const cursorOf = (sequence: number): string => Buffer.from(String(sequence)).toString('base64url')

function sequenceOf(cursor: string): number | null {
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  // Buffer skips what is not base64url, so the cursor must be what `cursorOf` makes of its number.
  return /^[1-9]\d{0,14}$/.test(text) && cursorOf(Number(text)) === cursor ? Number(text) : null
}

const stateOf = (text: string) => STATES.find((state) => state === text) ?? null

function limitOf(text: string): number | null {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  return limit >= 1 && limit <= MAX_PAGE_JOBS ? limit : null
}
