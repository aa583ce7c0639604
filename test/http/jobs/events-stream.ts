// Helpers to follow a job's events.

import type { JobEvent, RecordEvent, StateEvent } from '../../../src/protocol/event.ts'
import { Caller, get } from '../../caller.ts'

export const follow = (url: string, id: string, query = '', headers: Record<string, string> = {}): Caller =>
  new Caller(url, { method: 'GET', path: `/jobs/${id}/events${query}`, headers })

/** The events in NDJSON; the last line may be cut. */
export const eventsIn = (body: string): JobEvent[] =>
  body
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as JobEvent)

/** All of them, once the stream has ended; fails when it was cut. */
export async function allEvents(url: string, id: string, query = '', headers: Record<string, string> = {}) {
  const answer = await get(url, `/jobs/${id}/events${query}`, headers)
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
  if (answer.cut) throw new Error(`cut behind ${answer.body.length} characters`)
  return eventsIn(answer.body)
}

const isState = (event: JobEvent): event is StateEvent => event.type === 'state'

/** `queued`, `loading`, … and the text of the native chat records between them. */
export const story = (events: readonly JobEvent[]): string[] =>
  events.map((event) => (isState(event) ? event.state : `"${textOf(event)}"`))

const textOf = ({ data }: RecordEvent): string =>
  (data as { message?: { content?: string } }).message?.content ?? JSON.stringify(data)
