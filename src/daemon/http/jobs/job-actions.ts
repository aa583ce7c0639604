// What a caller may do to a job that exists: cancel, retry or delete it, or send one of its webhooks again. The dispatcher and
// the store do the work.

import { isFinal } from '../../domain/job.ts'
import type { RetryResult } from '../../sqlite/store.ts'
import { quoteForError } from '../../text/quote.ts'
import { queueFullError } from '../admission.ts'
import type { HttpContext } from '../context.ts'
import { type OwnError, ownError, sendJson } from '../respond.ts'
import { type JobHandler, jobNotFound } from './job-id.ts'
import { jobDocumentOf } from './job-view.ts'
import { sendReceipt } from './receipt.ts'
import { announceEnqueued } from './submit.ts'

/** 202 while the job is being stopped, 200 with the job once it is over, however often it is called. */
export const cancelJob: JobHandler = async (call, id) => {
  const { context, res } = call
  if ((await context.dispatcher.cancel(id)) === 'unknown') return call.refuse(jobNotFound(id))
  const job = await context.store.get(id)
  if (job !== null && !isFinal(job.state)) return sendJson(res, 202, { job_id: id, state: job.state })
  const document = await jobDocumentOf(context, id)
  // Null if it was deleted since.
  return document === null ? call.refuse(jobNotFound(id)) : sendJson(res, 200, document)
}

/** 202 and a new job with the same body; its deadlines start anew. */
export const retryJob: JobHandler = async (call, id) => {
  const { context } = call
  const { store, config, dispatcher, clock, awake } = context
  if (context.disk.full) return call.refuse(ownError('storage_full'))
  const newId = context.newId()
  const retried = store.retry({ of: id, id: newId, now: clock.now(), awake: awake.now }, config)
  const shown = store.detail(newId, dispatcher.residency)
  shown.catch(() => undefined)
  const result = await retried
  if (result.kind !== 'enqueued') return call.refuse(retryRefusal(context, id, result))
  announceEnqueued(context, result.job)
  return sendReceipt(call, (await shown) ?? result)
}

type RetryFailure = Exclude<RetryResult, { readonly kind: 'enqueued' }>

function retryRefusal(context: HttpContext, id: string, result: RetryFailure): OwnError {
  if (result.kind === 'unknown') return jobNotFound(id)
  if (result.kind === 'active') return ownError('job_active', { id, state: result.state })
  if (result.kind === 'body_gone') return ownError('body_gone', { id })
  if (result.kind === 'queue_full' || result.kind === 'storage_full') return queueFullError(result.kind, context)
  throw new Error(`a retry has no key, and was answered ${result.kind}`)
}

/** 204: the finished job is deleted, with its artifacts and webhooks. */
export const deleteJob: JobHandler = async (call, id) => {
  const { context, res } = call
  const result = await context.store.delete(id)
  if (result.kind === 'unknown') return call.refuse(jobNotFound(id))
  if (result.kind === 'active') return call.refuse(ownError('job_active', { id, state: result.state }))
  if (res.headersSent || res.destroyed) return
  res.writeHead(204, 'No Content').end()
}

/** 202: the webhook is due again, whatever its state was. */
export const redeliverWebhook: JobHandler = async (call, id, name) => {
  const { store, clock, deliverer } = call.context
  const n = /^[1-9]\d{0,14}$/.test(name) ? Number(name) : null
  if (n !== null && (await store.redeliver(id, n, clock.now()))) {
    deliverer.wake()
    return sendJson(call.res, 202, { job_id: id, n, status: 'pending' })
  }
  const hasJob = (await store.get(id)) !== null
  call.refuse(hasJob ? ownError('delivery_not_found', { id, n: n ?? quoteForError(name) }) : jobNotFound(id))
}
