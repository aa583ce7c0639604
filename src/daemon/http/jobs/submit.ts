// Owns `POST /jobs`: a body becomes a job that outlives its caller. Nobody is told that it is taken before it is on disk,
// and a caller who hangs up after his last byte changes nothing.

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { webhookUrlRefusal } from '../../address-policy.ts'
import type { Idempotency, Job, NewJob } from '../../job.ts'
import { decodeBody } from '../../request/content-coding.ts'
import { type JobReading, readJobSubmission } from '../../request/job-submission.ts'
import { unknownModel } from '../../request/ollama-error.ts'
import { inPieces, type Slices } from '../../slices.ts'
import { isUnknownModel, noRoom, tellOf } from '../admission.ts'
import type { App } from '../app.ts'
import type { RequestBodies } from '../request-body.ts'
import { type OwnError, ownError, refuse, targetVersion } from '../respond.ts'
import { readIdempotencyKey } from '../retry.ts'
import type { SliceRunner } from '../slice-runner.ts'
import { type Place, placeOf, sendReceipt } from './receipt.ts'

export async function submitJob(
  app: App,
  bodies: RequestBodies,
  slices: SliceRunner,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const taken = await receive(app, bodies, slices, req, res)
  if (taken === null) return
  if (taken.kind === 'refused') return refuse(app, res, 'jobs', taken.error)
  const { place, isReplay } = taken
  return sendReceipt(app, place, req, res, isReplay ? { 'Idempotent-Replayed': 'true' } : {})
}

/** Null: the caller hung up before his last byte. By itself, so that who waits for a job's end holds no body meanwhile. */
async function receive(
  app: App,
  bodies: RequestBodies,
  slices: SliceRunner,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Taken | null> {
  const key = readIdempotencyKey(req.headers)
  if (key.kind === 'invalid') return refused(ownError('bad_request', { detail: key.detail }))
  const read = await bodies.read(req, res)
  if (read.kind === 'gone') return null
  if (read.kind === 'refused') return refused(read.error)
  try {
    return await take(app, slices, req, read.body, key.kind === 'key' ? key.key : null)
  } finally {
    // In the queue it counts against FOREMAN_MAX_QUEUE_BYTES.
    read.release()
  }
}

type Taken =
  | {
      readonly kind: 'taken'
      readonly place: Place
      /** It is the job of an earlier request with the same key. */
      readonly isReplay: boolean
    }
  | { readonly kind: 'refused'; readonly error: OwnError }

const refused = (error: OwnError): Taken => ({ kind: 'refused', error })

async function take(
  app: App,
  slices: SliceRunner,
  req: IncomingMessage,
  body: Uint8Array<ArrayBuffer>,
  key: string | null,
): Promise<Taken> {
  const { 'content-type': contentType = null, 'content-encoding': contentEncoding = null } = req.headers
  const settings = { version: targetVersion(app), knownModel: app.knownModel }
  const coding = await decodeBody(body, contentType, contentEncoding)
  // A caller who hangs up changes nothing, so the work is never given up.
  const reading = await slices.run(readJobSubmission({ body, contentType, contentEncoding, coding }, settings))
  if (reading === null) throw new Error('the reading of a job was given up')
  if (reading.kind === 'refused') return refused(namedError(reading))
  const { submission, wishes } = reading
  const detail = wishes.webhookUrl === null ? null : webhookUrlRefusal(wishes.webhookUrl, app.webhookPolicy)
  if (detail !== null) return refused(ownError('webhook_refused', { detail }))
  const fingerprint = key === null ? null : await slices.run(fingerprintOf(submission.endpoint, body))
  const idempotency = key === null || fingerprint === null ? null : { key, fingerprint }
  const refusal = await whyNot(app, submission.model)
  const job: NewJob = {
    ...submission,
    ...{ id: app.newId(), caller: 'none', wishes },
    ...(idempotency === null ? {} : { idempotency }),
    ...{ createdAt: app.clock.now(), createdAwake: app.awake.now },
  }
  if (refusal === null) return enqueue(app, job)
  return (idempotency === null ? null : await known(app, job)) ?? refused(refusal)
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
async function whyNot(app: App, model: string): Promise<OwnError | null> {
  if (app.phase === 'stopping') return ownError('shutting_down')
  if (app.storageFull) return ownError('storage_full')
  if (!(await isUnknownModel(model, app.probes))) return null
  const { status, message } = unknownModel('/api/chat', model)
  return { status, message, code: 'model_not_found' }
}

async function enqueue(app: App, job: NewJob): Promise<Taken> {
  const { store, config, queue } = app
  const result = await store.enqueue(job, config, queue.residency)
  switch (result.kind) {
    case 'enqueued':
      tellOf(app, result.job)
      return { kind: 'taken', place: result, isReplay: false }
    case 'replayed':
      return replay(app, result.job)
    case 'key_reused':
      return refused(ownError('key_reused'))
    default:
      return refused(noRoom(result.kind, store.depth, config, queue.recentRunMs))
  }
}

const NO_ROOM = { maxQueue: 0, maxQueueBytes: 0 }

/** The answer to a key that is known, when nothing new is taken: its job was taken before. Null: it is not known. */
async function known(app: App, job: NewJob): Promise<Taken | null> {
  // A key is looked up before the limits are, so that this enqueues nothing.
  const result = await app.store.enqueue({ ...job, body: new Uint8Array(0) }, NO_ROOM)
  if (result.kind === 'replayed') return replay(app, result.job)
  return result.kind === 'key_reused' ? refused(ownError('key_reused')) : null
}

async function replay(app: App, job: Job): Promise<Taken> {
  return { kind: 'taken', place: await placeOf(app, job), isReplay: true }
}
