// Owns what a caller gets for work that is on disk: the 202 with its place in the queue and where to look for it, or the
// finished job, if he said that he would wait for it. It changes nothing.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReceiptDocument } from '../../../protocol/wire.ts'
import type { Job, Standing } from '../../job.ts'
import { jobUrl, positionOf } from '../../job-document.ts'
import type { App } from '../app.ts'
import { JSON_TYPE, send, sendJson } from '../respond.ts'
import { waitForEnd } from './job-end.ts'
import { jobDocumentOf } from './job-view.ts'
import { preferredWait, waitApplied } from './prefer.ts'

/** A job, and where it stands. */
export interface Place {
  readonly job: Job
  readonly standing: Standing | null
}

/** As the store shows it now; `job` itself, if it has been deleted since. */
export async function placeOf({ store, queue }: App, job: Job): Promise<Place> {
  return (await store.detail(job.id, queue.residency)) ?? { job, standing: null }
}

function receiptDocument(app: App, { job, standing }: Place): ReceiptDocument {
  const self = jobUrl(job.id, app.config.publicUrl)
  const { running } = app.queue
  return {
    job_id: job.id,
    state: job.state,
    position: positionOf(standing, running !== null && running.job.id !== job.id),
    urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  }
}

/** Answers for a job: 202, or 200 with the finished job where `Prefer: wait` was asked for and it was over in time. */
export async function sendReceipt(
  app: App,
  place: Place,
  req: IncomingMessage,
  res: ServerResponse,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { id } = place.job
  const headers = {
    Location: jobUrl(id, app.config.publicUrl),
    'X-Foreman-Job-Id': id,
    'Cache-Control': 'no-store',
    ...more,
  }
  const seconds = preferredWait(req.headers)
  if (seconds === null) return sendJson(res, 202, receiptDocument(app, place), headers)
  const waited = { ...headers, ...waitApplied(seconds) }
  const document = (await waitForEnd(app, id, seconds * 1000, res)) ? await jobDocumentOf(app, id) : null
  if (document !== null) return sendJob(res, document, waited)
  sendJson(res, 202, receiptDocument(app, await placeOf(app, place.job)), waited)
}

/** 200 with a job's document, which is JSON text already. */
export function sendJob(res: ServerResponse, document: string, headers: Readonly<Record<string, string>> = {}): void {
  send(res, 200, JSON_TYPE, document, {
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...headers,
  })
}
