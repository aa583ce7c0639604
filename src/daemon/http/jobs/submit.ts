// `POST /jobs`: a body becomes a job that outlives its caller. The caller gets its receipt once the job is on disk. A caller
// that hangs up after its last byte does not stop the submission.

import { createHash } from 'node:crypto'
import type { Idempotency, Job, NewJob } from '../../domain/job.ts'
import { type JobReading, readJobSubmission } from '../../request/job-submission.ts'
import { unknownModel } from '../../request/ollama-error.ts'
import { inPieces, type Slices } from '../../text/slices.ts'
import { webhookUrlRefusal } from '../../webhooks/address-policy.ts'
import { isUnknownModel, queueFullError, readIdempotencyKey, readRequest } from '../admission.ts'
import type { Call, ReceivedBody } from '../call.ts'
import type { HttpContext } from '../context.ts'
import { type OwnError, ownError } from '../respond.ts'
import type { PlacedJob } from './job-view.ts'
import { receiptPosition, sendReceipt } from './receipt.ts'

export async function submitJob(call: Call): Promise<void> {
  const accepted = await receive(call)
  if (accepted === null) return
  if (accepted.kind === 'refused') return call.refuse(accepted.error)
  const { place, isReplay } = accepted
  return sendReceipt(call, place, isReplay ? { 'Idempotent-Replayed': 'true' } : {})
}

/** Returns null as `call.body` does. A function of its own, so that a caller that waits for the job's end holds no body. */
async function receive(call: Call): Promise<Accepted | null> {
  const key = readIdempotencyKey(call.req.headers)
  if (key.kind === 'invalid') return refused(key.error)
  const read = await call.body()
  if (read === null) return null
  try {
    return await accept(call, read.body, key.kind === 'key' ? key.key : null)
  } finally {
    // In the queue the bytes count against FOREMAN_MAX_QUEUE_BYTES.
    read.release()
  }
}

type Accepted =
  | {
      readonly kind: 'accepted'
      readonly place: PlacedJob
      /** Whether it is the job of an earlier request with the same key. */
      readonly isReplay: boolean
    }
  | { readonly kind: 'refused'; readonly error: OwnError }

const refused = (error: OwnError): Accepted => ({ kind: 'refused', error })

async function accept(call: Call, body: ReceivedBody['body'], key: string | null): Promise<Accepted | null> {
  const { context } = call
  // Runs to its end even if the caller hangs up.
  const reading = await readRequest(call, body, readJobSubmission)
  if (reading === null) return null
  if (reading.kind === 'refused') return refused(namedError(reading))
  const { submission, options } = reading
  const detail = options.webhookUrl === null ? null : webhookUrlRefusal(options.webhookUrl, context.webhookPolicy())
  if (detail !== null) return refused(ownError('webhook_refused', { detail }))
  const fingerprint = key === null ? null : await call.shared.slices.run(fingerprintOf(submission.endpoint, body))
  const idempotency = key === null || fingerprint === null ? null : { key, fingerprint }
  const refusal = await refusalReason(context, submission.model)
  const job: NewJob = {
    ...submission,
    id: context.newId(),
    caller: 'none',
    options,
    ...(idempotency === null ? {} : { idempotency }),
    createdAt: context.clock.now(),
    createdAwake: context.awake.now,
  }
  if (refusal === null) return enqueue(context, job)
  return (idempotency === null ? null : await known(context, job)) ?? refused(refusal)
}

/** Gives a code to an error that on another surface would be Ollama's own. */
function namedError({ status, message, code }: Extract<JobReading, { kind: 'refused' }>): OwnError {
  return { status, message, code: code ?? (status === 404 ? 'model_not_found' : 'bad_request') }
}

function* fingerprintOf(endpoint: string, body: Uint8Array): Slices<Idempotency['fingerprint']> {
  const hash = createHash('sha256').update(`${endpoint}\0`)
  yield* inPieces(body, (piece) => void hash.update(piece))
  return new Uint8Array(hash.digest())
}

/** Returns why no new job is accepted now, or null. */
async function refusalReason(context: HttpContext, model: string): Promise<OwnError | null> {
  if (context.phase === 'stopping') return ownError('shutting_down')
  if (context.disk.full) return ownError('storage_full')
  if (!(await isUnknownModel(model, context.prober))) return null
  return { ...unknownModel(model), code: 'model_not_found' }
}

async function enqueue(context: HttpContext, job: NewJob): Promise<Accepted> {
  const { store, config, dispatcher } = context
  const result = await store.enqueue(job, config, dispatcher.residency)
  switch (result.kind) {
    case 'enqueued':
      announceEnqueued(context, result.job)
      return { kind: 'accepted', place: result, isReplay: false }
    case 'replayed':
      return replay(context, result.job)
    case 'key_reused':
      return refused(ownError('key_reused'))
    default:
      return refused(queueFullError(result.kind, context))
  }
}

/** Notifies the parts that act on a new async job, which is on disk. */
export function announceEnqueued({ dispatcher, deadlines }: HttpContext, job: Job): void {
  dispatcher.enqueued(job)
  const { startBeforeMs, finishBeforeMs } = job.options
  if (startBeforeMs !== null || finishBeforeMs !== null) deadlines.wake()
}

const NO_ROOM = { maxQueue: 0, maxQueueBytes: 0 }

/** Answers for the job that an earlier request with the same key submitted. Returns null if the key is unknown. */
async function known(context: HttpContext, job: NewJob): Promise<Accepted | null> {
  // The store looks up the key before it checks the limits, so this enqueues nothing.
  const result = await context.store.enqueue({ ...job, body: new Uint8Array(0) }, NO_ROOM)
  if (result.kind === 'replayed') return replay(context, result.job)
  return result.kind === 'key_reused' ? refused(ownError('key_reused')) : null
}

async function replay(context: HttpContext, job: Job): Promise<Accepted> {
  return { kind: 'accepted', place: await receiptPosition(context, job), isReplay: true }
}
