// Owns what a caller gets for work that is on disk: the 202 with its place in the queue and where to look for it, or the
// finished job, if he said that he would wait for it. It changes nothing.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReceiptDocument } from '../../../protocol/wire.ts'
import type { Job } from '../../job.ts'
import { jobUrl, positionOf } from '../../job-document.ts'
import type { JobDetail } from '../../store/store.ts'
import type { App } from '../app.ts'
import { JSON_TYPE, send, sendJson } from '../respond.ts'
import { waitForEnd } from './job-end.ts'
import { jobDocumentOf } from './job-view.ts'
import { preferredWait, waitApplied } from './prefer.ts'

/** Of a job as `detail` shows it; `job` itself, if it has been deleted since. */
export function receiptDocument(app: App, job: Job, detail: JobDetail | null): ReceiptDocument {
  const self = jobUrl(job.id, app.config.publicUrl)
  const { running } = app.queue
  return {
    job_id: job.id,
    state: (detail?.job ?? job).state,
    position: positionOf(detail?.standing ?? null, running !== null && running.job.id !== job.id),
    urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  }
}

/** Answers for `job`: 202, or 200 with the finished job where `Prefer: wait` was asked for and it was over in time. */
export async function sendReceipt(
  app: App,
  job: Job,
  detail: JobDetail | null,
  req: IncomingMessage,
  res: ServerResponse,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { id } = job
  const headers = {
    Location: jobUrl(id, app.config.publicUrl),
    'X-Foreman-Job-Id': id,
    'Cache-Control': 'no-store',
    ...more,
  }
  const seconds = preferredWait(req.headers)
  if (seconds === null) return sendJson(res, 202, receiptDocument(app, job, detail), headers)
  const waited = { ...headers, ...waitApplied(seconds) }
  const document = (await waitForEnd(app, id, seconds * 1000, res)) ? await jobDocumentOf(app, id) : null
  if (document !== null) return sendJob(res, document, waited)
  const now = await app.store.detail(id, app.queue.residency)
  sendJson(res, 202, receiptDocument(app, job, now), waited)
}

/** 200 with a job's document, which is JSON text already. */
export function sendJob(res: ServerResponse, document: string, headers: Readonly<Record<string, string>> = {}): void {
  send(res, 200, JSON_TYPE, document, {
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...headers,
  })
}
