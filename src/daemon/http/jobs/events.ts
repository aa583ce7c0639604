// `GET /jobs/{id}/events`: the events of a job, first the stored ones, then the live ones, each once and in order, until the
// job's end. A stream that ends before the job does is cut, so that the client resumes it.

import { eventNumber } from '../../../protocol/event.ts'
import { isFinal, type Job, type StateChange } from '../../domain/job.ts'
import type { HttpContext } from '../context.ts'
import { piecesOf } from './artifact.ts'
import type { EventForm } from './event-frame.ts'
import { historyOf, type PastAnswer } from './event-history.ts'
import { EventStream } from './event-stream.ts'
import { type JobHandler, jobNotFound } from './job-id.ts'
import { QueryReader } from './query-reader.ts'

export const streamEvents: JobHandler = async (call, id) => {
  const { context, req, res } = call
  const { store, dispatcher, relay, clock, config, log } = context
  const query = new QueryReader(call.query, ['after'])
  const allowed = 'the number of an event, a whole number from 0'
  const asked = query.read('after', numberOf, allowed)
  // A browser that reconnects requests the original address, and says in the header how far it came.
  const lastId = req.headers['last-event-id']
  const seen = query.check(
    'Last-Event-ID',
    typeof lastId === 'string' && lastId !== '' ? lastId : null,
    numberOf,
    allowed,
  )
  if (query.error !== null) return call.refuse(query.error)
  const after = seen ?? asked ?? 0
  // The subscription ends with the stream: the socket of a client that is cut may take a minute to close.
  const onOver = (): void => watch.close()
  const onBroken = (error: unknown): void => {
    log.error({ err: error, job: id }, 'a stream of events broke')
    res.destroy()
  }
  const form = formOf(req.headers.accept ?? '')
  const stream = new EventStream({ clock, config, res, jobId: id, form, after, onOver, onBroken })
  // Subscribe, read the running answer and query the store in one tick, so that no event falls between stored and live.
  const watch = relay.watch(id, stream)
  const sofar = dispatcher.answerSoFar(id)
  const reading = Promise.all([store.changes(id), store.get(id)])
  const close = (): void => stream.close()
  res.once('close', close)
  try {
    const [changes, job] = await reading
    if (res.destroyed) return close()
    if (changes === null || job === null) {
      close()
      return call.refuse(jobNotFound(id))
    }
    stream.begin()
    if (req.method === 'HEAD') {
      close()
      return void res.end()
    }
    // The stream keeps its first live event and all that follow.
    const first = stream.firstKept ?? Number.POSITIVE_INFINITY
    const past = changes.filter(({ number }) => eventNumber(number) < first)
    const isOver = isFinal(past.at(-1)?.state ?? 'queued')
    const answer = sofar ?? (isOver ? await storedAnswer(context, job, past) : null)
    for await (const events of historyOf(job, past, answer, after)) {
      if (!(await stream.replay(events))) return
    }
    if (isOver) stream.end()
    else await stream.catchUp()
  } catch (error) {
    close()
    throw error
  }
}

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
  const chunks = piecesOf(store, id, response.name, 0, response.bytes)
  return { change: working.number, chunks, records: null }
}

const numberOf = (text: string): number | null => (/^\d{1,15}$/.test(text) ? Number(text) : null)

/** Server-sent events if `accept` names them and does not prefer NDJSON; else NDJSON. */
function formOf(accept: string): EventForm {
  const sse = quality(accept, 'text/event-stream')
  return sse > 0 && sse >= quality(accept, 'application/x-ndjson') ? 'sse' : 'ndjson'
}

function quality(accept: string, type: string): number {
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    if (name !== type) continue
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    const value = weight === undefined ? 1 : Number(weight.slice(2))
    return Number.isFinite(value) ? value : 1
  }
  return 0
}
