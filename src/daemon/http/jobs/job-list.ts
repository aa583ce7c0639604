// Owns `GET /jobs`: a page of jobs, the newest first, and where the next one begins. Never the prompt.

import type { JobListDocument } from '../../../protocol/wire.ts'
import { jobSummary } from '../../domain/job-document.ts'
import { ownError, refuse, sendJson } from '../respond.ts'
import { cursorOf, readListQuery } from './job-list-query.ts'
import type { JobHandler } from './job-request.ts'
import { circumstancesOf } from './job-view.ts'

export const listJobs: JobHandler = async (context, { query }, _req, res) => {
  const read = readListQuery(query)
  if (read.kind === 'refused') return refuse(context, res, 'jobs', ownError('bad_request', { detail: read.detail }))
  const { limit } = read.filter
  const { residency } = context.dispatcher
  // One more than is shown says whether there is a next page.
  const found = await context.store.list({ ...read.filter, limit: limit + 1 }, residency)
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const document: JobListDocument = {
    jobs: page.map(({ job, queuePosition }) =>
      jobSummary(job, circumstancesOf(context, job, queuePosition, residency)),
    ),
    next: found.length > limit && last !== undefined ? cursorOf(last.job.sequence) : null,
  }
  sendJson(res, 200, document, { 'Cache-Control': 'no-store' })
}
