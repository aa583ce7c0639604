// Owns `POST /jobs`: a body becomes a job that outlives its caller. Nobody is told that it is taken before it is on disk,
// and a caller who hangs up after his last byte changes nothing.

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Idempotency, Job, NewJob } from '../../domain/job.ts'
import { decodeBody } from '../../request/content-coding.ts'
import { type JobReading, readJobSubmission } from '../../request/job-submission.ts'
import { unknownModel } from '../../request/ollama-error.ts'
import { inPieces, type Slices } from '../../text/slices.ts'
import { webhookUrlRefusal } from '../../webhooks/address-policy.ts'
import { isUnknownModel, noRoom, tellOf } from '../admission.ts'
import type { HttpContext } from '../context.ts'
import type { RequestBodies } from '../request-body.ts'
import { type OwnError, ownError, refuse, targetVersion } from '../respond.ts'
import { readIdempotencyKey } from '../retry.ts'
import type { SliceRunner } from '../slice-runner.ts'
import { placeOf, type ReceiptPosition, sendReceipt } from './receipt.ts'

export async function submitJob(
  context: HttpContext,
  bodies: RequestBodies,
  slices: SliceRunner,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const taken = await receive(context, bodies, slices, req, res)
  if (taken === null) return
  if (taken.kind === 'refused') return refuse(context, res, 'jobs', taken.error)
  const { place, isReplay } = taken
  return sendReceipt(context, place, req, res, isReplay ? { 'Idempotent-Replayed': 'true' } : {})
}

/** Null: the caller hung up before his last byte. By itself, so that who waits for a job's end holds no body meanwhile. */
async function receive(
  context: HttpContext,
  bodies: RequestBodies,
  slices: SliceRunner,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Accepted | null> {
  const key = readIdempotencyKey(req.headers)
  if (key.kind === 'invalid') return refused(ownError('bad_request', { detail: key.detail }))
  const read = await bodies.read(req, res)
  if (read.kind === 'gone') return null
  if (read.kind === 'refused') return refused(read.error)
  try {
    return await take(context, slices, req, read.body, key.kind === 'key' ? key.key : null)
  } finally {
    // In the queue it counts against FOREMAN_MAX_QUEUE_BYTES.
    read.release()
  }
}

type Accepted =
  | {
      readonly kind: 'taken'
      readonly place: ReceiptPosition
      /** It is the job of an earlier request with the same key. */
      readonly isReplay: boolean
    }
  | { readonly kind: 'refused'; readonly error: OwnError }

const refused = (error: OwnError): Accepted => ({ kind: 'refused', error })

async function take(
  context: HttpContext,
  slices: SliceRunner,
  req: IncomingMessage,
  body: Uint8Array<ArrayBuffer>,
  key: string | null,
): Promise<Accepted> {
  const { 'content-type': contentType = null, 'content-encoding': contentEncoding = null } = req.headers
  const settings = { version: targetVersion(context), knownModel: context.knownModel }
  const coding = await decodeBody(body, contentType, contentEncoding)
  // A caller who hangs up changes nothing, so the work is never given up.
  const reading = await slices.run(readJobSubmission({ body, contentType, contentEncoding, coding }, settings))
  if (reading === null) throw new Error('the reading of a job was given up')
  if (reading.kind === 'refused') return refused(namedError(reading))
  const { submission, wishes } = reading
  const detail = wishes.webhookUrl === null ? null : webhookUrlRefusal(wishes.webhookUrl, context.webhookPolicy)
  if (detail !== null) return refused(ownError('webhook_refused', { detail }))
  const fingerprint = key === null ? null : await slices.run(fingerprintOf(submission.endpoint, body))
  const idempotency = key === null || fingerprint === null ? null : { key, fingerprint }
  const refusal = await whyNot(context, submission.model)
  const job: NewJob = {
    ...submission,
    ...{ id: context.newId(), caller: 'none', wishes },
    ...(idempotency === null ? {} : { idempotency }),
    ...{ createdAt: context.clock.now(), createdAwake: context.awake.now },
  }
  if (refusal === null) return enqueue(context, job)
  return (idempotency === null ? null : await known(context, job)) ?? refused(refusal)
}

/** What on another surface would be Ollama's error has a code here. */
function namedError({ status, message, code }: Extract<JobReading, { kind: 'refused' }>): OwnError {
  return { status, message, code: code ?? (status === 404 ? 'model_not_found' : 'bad_request') }
}

function* fingerprintOf(endpoint: string, body: Uint8Array): Slices<Idempotency['fingerprint']> {
  const hash = createHash('sha256').update(`${endpoint}\0`)
  yield* inPieces(body, (piece) => void hash.update(piece))
  return new Uint8Array(hash.digest())
}

/** Why nothing new is taken now. */
async function whyNot(context: HttpContext, model: string): Promise<OwnError | null> {
  if (context.phase === 'stopping') return ownError('shutting_down')
  if (context.storageFull) return ownError('storage_full')
  if (!(await isUnknownModel(model, context.prober))) return null
  const { status, message } = unknownModel('/api/chat', model)
  return { status, message, code: 'model_not_found' }
}

async function enqueue(context: HttpContext, job: NewJob): Promise<Accepted> {
  const { store, config, dispatcher } = context
  const result = await store.enqueue(job, config, dispatcher.residency)
  switch (result.kind) {
    case 'enqueued':
      tellOf(context, result.job)
      return { kind: 'taken', place: result, isReplay: false }
    case 'replayed':
      return replay(context, result.job)
    case 'key_reused':
      return refused(ownError('key_reused'))
    default:
      return refused(noRoom(result.kind, store.depth, config, dispatcher.recentRunMs))
  }
}

const NO_ROOM = { maxQueue: 0, maxQueueBytes: 0 }

/** The answer to a key that is known, when nothing new is taken: its job was taken before. Null: it is not known. */
async function known(context: HttpContext, job: NewJob): Promise<Accepted | null> {
  // A key is looked up before the limits are, so that this enqueues nothing.
  const result = await context.store.enqueue({ ...job, body: new Uint8Array(0) }, NO_ROOM)
  if (result.kind === 'replayed') return replay(context, result.job)
  return result.kind === 'key_reused' ? refused(ownError('key_reused')) : null
}

async function replay(context: HttpContext, job: Job): Promise<Accepted> {
  return { kind: 'taken', place: await placeOf(context, job), isReplay: true }
}
