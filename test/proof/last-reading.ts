// Owns what is read of every job when all is quiet: the document, its history (twice), its artifacts. Over HTTP alone, as
// any client would.

import type { JobDocument, JobListDocument } from '../../src/protocol/wire.ts'
import { heardIn } from './event-text.ts'
import type { Final, Heard } from './history.ts'
import { ask } from './line.ts'

const PAGE = 200
const MOST_PAGES = 1_000
/** Asked at once. */
const AT_ONCE = 8

async function text(url: string, path: string): Promise<string | null> {
  const answered = await ask(url, { path })
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
  for (let page = 0; page < MOST_PAGES; page++) {
    const list = JSON.parse(await must(url, `/jobs?limit=${PAGE}${cursor}`)) as JobListDocument
    ids.push(...list.jobs.map(({ job_id: id }) => id))
    if (list.next === null) return ids
    cursor = `&cursor=${list.next}`
  }
  throw new Error('the list of jobs has no end')
}

/** @param live ids of blocked calls; their histories are not kept */
async function finalOf(url: string, id: string, isLive: boolean): Promise<Final> {
  const job = JSON.parse(await must(url, `/jobs/${id}`)) as JobDocument
  const isOver = ['done', 'failed', 'cancelled'].includes(job.state)
  const history = async (): Promise<Heard[]> => heardIn(await must(url, `/jobs/${id}/events`))
  // The stream of a job that never ends would never end; what is wrong with such a job is said without it.
  const hasHistory = isOver && !isLive
  return {
    job,
    events: hasHistory ? await history() : isLive ? null : [],
    eventsAgain: hasHistory ? await history() : isLive ? null : [],
    response: isLive ? null : await text(url, `/jobs/${id}/artifacts/response`),
    completion: isLive ? null : await text(url, `/jobs/${id}/artifacts/completion`),
  }
}

/** Every job there is. */
export async function readEverything(url: string): Promise<Final[]> {
  const ids = await idsOf(url)
  const finals: Final[] = []
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE)
    // Only what was submitted has a label here.
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
