// Owns `GET /jobs/{id}/events`: what has happened to a job, then what happens, each event once and in its order, until its
// end. Whoever looks on changes nothing; a stream that ends before the job does is cut, so that he resumes.

import { eventNumber } from '../../../protocol/event.ts'
import { isFinal, type Job, type StateChange } from '../../domain/job.ts'
import type { AnswerSoFar } from '../../services/attempt-run.ts'
import type { HttpContext } from '../context.ts'
import { ownError, refuse } from '../respond.ts'
import { piecesOf } from './artifact-pieces.ts'
import { EventWriter } from './event-writer.ts'
import { EventFeed } from './events-feed.ts'
import { historyOf, type PastAnswer } from './events-history.ts'
import { readEventsRequest } from './events-request.ts'
import { isJobId, jobNotFound } from './job-id.ts'
import type { JobHandler } from './job-request.ts'

export const streamEvents: JobHandler = async (context, { id, query }, req, res) => {
  if (!isJobId(id)) return refuse(context, res, 'jobs', jobNotFound(id))
  const asked = readEventsRequest(query, req.headers)
  if (asked.kind === 'refused') return refuse(context, res, 'jobs', ownError('bad_request', { detail: asked.detail }))
  const { store, dispatcher, relay, clock, log } = context
  const { form, after } = asked
  const { heartbeatMs, clientStallMs } = context.config
  // A watcher that is cut hears nothing more at once: its socket may take a minute to close.
  const onOver = (): void => watch.close()
  const writer = new EventWriter({ clock, res, jobId: id, form, after, heartbeatMs, clientStallMs, onOver })
  const broken = (error: unknown): void => {
    log.error({ err: error, job: id }, 'a stream of events broke')
    res.destroy()
  }
  const feed = new EventFeed(writer, after, broken)
  // Watched, looked at and asked about in one turn: what is not in the one is in the other.
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
      return refuse(context, res, 'jobs', jobNotFound(id))
    }
    writer.begin()
    if (req.method === 'HEAD') {
      close()
      return void res.end()
    }
    // The first that was heard, and what follows it, comes from the feed.
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

/** What a finished job has kept. Null: nothing, or the target's HTTP error, which is no answer. */
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
