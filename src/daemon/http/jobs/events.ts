// `GET /jobs/{id}/events`: the events of a job, first the stored ones, then the live ones, each once and in order, until the
// job's end. A stream that ends before the job does is cut, so that the client resumes it.

import { eventNumber } from '../../../protocol/event.ts'
import { isFinal, type Job, type StateChange } from '../../domain/job.ts'
import type { AnswerSoFar } from '../../services/attempt-run.ts'
import type { HttpContext } from '../context.ts'
import { ownError } from '../respond.ts'
import { piecesOf } from './artifact-pieces.ts'
import { EventFeed } from './event-feed.ts'
import { historyOf, type PastAnswer } from './event-history.ts'
import { readEventsRequest } from './event-request.ts'
import { EventWriter } from './event-writer.ts'
import { type JobHandler, jobNotFound } from './job-id.ts'

export const streamEvents: JobHandler = async (call, id) => {
  const { context, req, res } = call
  const asked = readEventsRequest(new URLSearchParams(call.query), req.headers)
  if (asked.kind === 'refused') return call.refuse(ownError('bad_request', { detail: asked.detail }))
  const { store, dispatcher, relay, clock, log } = context
  const { form, after } = asked
  const { heartbeatMs, clientStallMs } = context.config
  // The subscription ends with the writer: the socket of a client that is cut may take a minute to close.
  const onOver = (): void => watch.close()
  const writer = new EventWriter({ clock, res, jobId: id, form, after, heartbeatMs, clientStallMs, onOver })
  const broken = (error: unknown): void => {
    log.error({ err: error, job: id }, 'a stream of events broke')
    res.destroy()
  }
  const feed = new EventFeed(writer, after, broken)
  // Subscribe, read the running answer and query the store in one tick, so that no event falls between stored and live.
  const watch = relay.watch(id, feed)
  const sofar = dispatcher.answerSoFar(id)
  const reading = Promise.all([store.changes(id), store.get(id)])
  const close = (): void => writer.close()
  res.once('close', close)
  try {
    const [changes, job] = await reading
    if (res.destroyed) return close()
    if (changes === null || job === null) {
      close()
      return call.refuse(jobNotFound(id))
    }
    writer.begin()
    if (req.method === 'HEAD') {
      close()
      return void res.end()
    }
    // The feed has its first live event and all that follow.
    const first = feed.first ?? Number.POSITIVE_INFINITY
    const past = changes.filter(({ number }) => eventNumber(number) < first)
    const isOver = isFinal(past.at(-1)?.state ?? 'queued')
    const answer = sofar === null ? (isOver ? await storedAnswer(context, job, past) : null) : running(sofar)
    for await (const told of historyOf(job, past, answer, after)) {
      if (!(await writer.replay(told))) return
    }
    if (isOver) writer.end()
    else await feed.catchUp()
  } catch (error) {
    close()
    throw error
  }
}

const running = ({ change, chunks, records }: AnswerSoFar): PastAnswer => ({ change, pieces: chunks, records })

/** The stored answer of a finished job. Returns null if there is none, or if it is an HTTP error of the target. */
async function storedAnswer(
  { store, dispatcher }: HttpContext,
  { id, error }: Job,
  changes: readonly StateChange[],
): Promise<PastAnswer | null> {
  const working = changes.findLast(({ state }) => state === 'working')
  if (working === undefined || (error !== null && error.status !== null)) return null
  const detail = await store.detail(id, dispatcher.residency)
  const response = detail?.artifacts.find(({ name }) => name === 'response')
  if (response === undefined) return null
  const pieces = piecesOf(store, id, response.name, 0, response.bytes)
  return { change: working.number, pieces, records: null }
}
