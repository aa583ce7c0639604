// Owns what a caller may do to a job that is there: cancel it, have it done again, have it forgotten, have a webhook sent
// again. Each says what became of it; none writes to a job itself.

import { isFinal } from '../../domain/job.ts'
import { noRoom, tellOf } from '../admission.ts'
import type { HttpContext } from '../context.ts'
import { type OwnError, ownError, refuse, sendJson } from '../respond.ts'
import { isJobId, jobNotFound, shownId } from './job-id.ts'
import type { JobHandler } from './job-request.ts'
import { jobDocumentOf } from './job-view.ts'
import { sendJob, sendReceipt } from './receipt.ts'

const FRESH = { 'Cache-Control': 'no-store' }

/** 202 while it stops, 200 with the job when it is over; however often it is asked. */
export const cancelJob: JobHandler = async (context, { id }, _req, res) => {
  const refuseUnknown = (): void => refuse(context, res, 'jobs', jobNotFound(id))
  if (!isJobId(id)) return refuseUnknown()
  if ((await context.dispatcher.cancel(id)) === 'unknown') return refuseUnknown()
  const job = await context.store.get(id)
  if (job !== null && !isFinal(job.state)) return sendJson(res, 202, { job_id: id, state: job.state }, FRESH)
  const document = await jobDocumentOf(context, id)
  // Deleted in this very moment.
  return document === null ? refuseUnknown() : sendJob(res, document)
}

/** 202 and a new job with the old body; deadlines begin anew. */
export const retryJob: JobHandler = async (context, { id }, req, res) => {
  const { store, config, dispatcher, clock, awake } = context
  if (!isJobId(id)) return refuse(context, res, 'jobs', jobNotFound(id))
  if (context.storageFull) return refuse(context, res, 'jobs', ownError('storage_full'))
  const newId = context.newId()
  const retried = store.retry({ of: id, id: newId, now: clock.now(), awake: awake.now }, config)
  const shown = store.detail(newId, dispatcher.residency)
  shown.catch(() => undefined)
  const result = await retried
  if (result.kind === 'enqueued') {
    tellOf(context, result.job)
    return sendReceipt(context, (await shown) ?? result, req, res)
  }
  return refuse(context, res, 'jobs', retryRefusal(context, id, result))
}

function retryRefusal(
  context: HttpContext,
  id: string,
  result: Exclude<Awaited<ReturnType<HttpContext['store']['retry']>>, { readonly kind: 'enqueued' }>,
): OwnError {
  switch (result.kind) {
    case 'unknown':
      return jobNotFound(id)
    case 'active':
      return ownError('job_active', { id, state: result.state })
    case 'body_gone':
      return ownError('body_gone', { id })
    case 'queue_full':
    case 'storage_full':
      return noRoom(result.kind, context.store.depth, context.config, context.dispatcher.recentRunMs)
    case 'replayed':
    case 'key_reused':
      throw new Error(`a retry has no key, and was answered ${result.kind}`)
  }
}

/** 204: a finished job is forgotten with all it holds. */
export const forgetJob: JobHandler = async (context, { id }, _req, res) => {
  if (!isJobId(id)) return refuse(context, res, 'jobs', jobNotFound(id))
  const result = await context.store.delete(id)
  if (result.kind === 'unknown') return refuse(context, res, 'jobs', jobNotFound(id))
  if (result.kind === 'active') return refuse(context, res, 'jobs', ownError('job_active', { id, state: result.state }))
  if (res.headersSent || res.destroyed) return
  res.writeHead(204, 'No Content').end()
}

/** 202: the webhook is due, whatever became of it before. */
export const redeliver: JobHandler = async (context, { id, name }, _req, res) => {
  if (!isJobId(id)) return refuse(context, res, 'jobs', jobNotFound(id))
  const n = /^[1-9]\d{0,14}$/.test(name) ? Number(name) : null
  if (n !== null && (await context.store.redeliver(id, n, context.clock.now()))) {
    context.deliverer.wake()
    return sendJson(res, 202, { job_id: id, n, status: 'pending' }, FRESH)
  }
  const isThere = (await context.store.get(id)) !== null
  refuse(
    context,
    res,
    'jobs',
    isThere ? ownError('delivery_not_found', { id, n: n ?? shownId(name) }) : jobNotFound(id),
  )
}
