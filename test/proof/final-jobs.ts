// Reads every job after a run: the document, its event stream (twice) and its artifacts, over HTTP.

import type { JobDocument, JobListDocument } from '../../src/protocol/wire.ts'
import { parseEvents } from './event-text.ts'
import { sendRequest } from './http-request.ts'
import type { Final, SeenEvent } from './run-history.ts'

const PAGE = 200
const MAX_PAGES = 1_000
/** Jobs read at the same time. */
const AT_ONCE = 8

async function text(url: string, path: string): Promise<string | null> {
  const answered = await sendRequest(url, { path })
  if (answered.kind === 'answered' && answered.status === 404) return null
  if (answered.kind === 'answered' && answered.status === 200 && answered.ending === 'whole') return answered.body
  throw new Error(`${path}: ${JSON.stringify(answered).slice(0, 300)}`)
}

async function must(url: string, path: string): Promise<string> {
  const body = await text(url, path)
  if (body === null) throw new Error(`${path}: not found`)
  return body
}

async function idsOf(url: string): Promise<string[]> {
  const ids: string[] = []
  let cursor = ''
  for (let page = 0; page < MAX_PAGES; page++) {
    const list = JSON.parse(await must(url, `/jobs?limit=${PAGE}${cursor}`)) as JobListDocument
    ids.push(...list.jobs.map(({ job_id: id }) => id))
    if (list.next === null) return ids
    cursor = `&cursor=${list.next}`
  }
  throw new Error('the list of jobs has no end')
}

/** @param isLive a waiting call, whose history is not kept */
async function finalOf(url: string, id: string, isLive: boolean): Promise<Final> {
  const job = JSON.parse(await must(url, `/jobs/${id}`)) as JobDocument
  const isOver = ['done', 'failed', 'cancelled'].includes(job.state)
  const history = async (): Promise<SeenEvent[]> => parseEvents(await must(url, `/jobs/${id}/events`))
  // The event stream of a job that has not ended would not end either. The checker reports such a job without it.
  const hasHistory = isOver && !isLive
  return {
    job,
    events: hasHistory ? await history() : isLive ? null : [],
    eventsAgain: hasHistory ? await history() : isLive ? null : [],
    response: isLive ? null : await text(url, `/jobs/${id}/artifacts/response`),
    completion: isLive ? null : await text(url, `/jobs/${id}/artifacts/completion`),
  }
}

/** Returns the final record of every job. */
export async function readAllJobs(url: string): Promise<Final[]> {
  const ids = await idsOf(url)
  const finals: Final[] = []
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE)
    // Only submitted jobs have a label here; calls have none.
    finals.push(
      ...(await Promise.all(
        some.map(async (id) => {
          const { label } = JSON.parse(await must(url, `/jobs/${id}`)) as JobDocument
          return finalOf(url, id, label === null)
        }),
      )),
    )
  }
  return finals
}
