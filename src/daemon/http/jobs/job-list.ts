// `GET /jobs`: a page of jobs, the newest first, and the cursor of the next page. It never shows a prompt.

import type { JobListDocument } from '../../../protocol/wire.ts'
import { jobSummary } from '../../domain/job-document.ts'
import type { Call } from '../call.ts'
import { FRESH, ownError, sendJson } from '../respond.ts'
import { queueContextOf } from './job-view.ts'
import { cursorOf, readListQuery } from './list-query.ts'

export async function listJobs(call: Call): Promise<void> {
  const { context, res } = call
  const read = readListQuery(new URLSearchParams(call.query))
  if (read.kind === 'refused') return call.refuse(ownError('bad_request', { detail: read.detail }))
  const { limit } = read.filter
  const { residency } = context.dispatcher
  // One more job than is shown tells whether there is a next page.
  const found = await context.store.list({ ...read.filter, limit: limit + 1 }, residency)
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const document: JobListDocument = {
    jobs: page.map(({ job, queuePosition }) => jobSummary(job, queueContextOf(context, job, queuePosition, residency))),
    next: found.length > limit && last !== undefined ? cursorOf(last.job.sequence) : null,
  }
  sendJson(res, 200, document, FRESH)
}
