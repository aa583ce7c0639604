// Owns the events of one job as they come: connects again by itself where the line was cut, goes on behind the last event,
// and ends behind the final state. Each event is handed out once, in its order.

import type { JobEvent } from '../protocol/event.ts'
import type { JobState } from '../protocol/wire.ts'
import type { CallDeadline } from './call-deadline.ts'
import { type Connection, foreign, isObject, parsedJson } from './connection.ts'
import { UnreachableError } from './error.ts'
import { type Iteration, iteration } from './iteration.ts'
import { linesOf } from './line-reader.ts'
import { OutageBudget } from './outage-budget.ts'

export interface EventsOptions {
  /** Only what comes behind the event of this number. Default 0: from the beginning. */
  readonly after?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** foreman beats every 15 s at the least. */
const MAX_SILENCE_MS = 45_000
const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 5_000

export const isFinal = (state: JobState): boolean => state === 'done' || state === 'failed' || state === 'cancelled'

/** `graceMs`: how long foreman may be unreachable, from one answer to the next, before the iteration throws. */
export function eventsOf(
  connection: Connection,
  id: string,
  { after = 0, signal }: EventsOptions,
  graceMs: number,
): Iteration<JobEvent> {
  return iteration(signal, (patience) => follow(connection, id, after, patience, new OutageBudget(graceMs)))
}

async function* follow(connection: Connection, id: string, after: number, patience: CallDeadline, grace: OutageBudget) {
  let last = after
  let pause = FIRST_PAUSE_MS
  let emptyEnds = 0
  for (;;) {
    let isEmpty = true
    try {
      for await (const event of connected(connection, id, last, patience, grace)) {
        if (event.number <= last) continue
        last = event.number
        isEmpty = false
        pause = FIRST_PAUSE_MS
        yield event
        if (event.type === 'state' && isFinal(event.state)) return
      }
      // Asked for what comes after the end, foreman has nothing to say. A second time, because it may have ended just now.
      if (isEmpty && (await isOver(connection, id, patience)) && ++emptyEnds > 1) return
    } catch (error) {
      patience.throwIfOver()
      grace.tolerate(error)
    }
    await patience.sleep(pause * (0.75 + Math.random() / 2))
    pause = Math.min(2 * pause, MAX_PAUSE_MS)
  }
}

/** One connection, to its end. */
async function* connected(
  connection: Connection,
  id: string,
  after: number,
  patience: CallDeadline,
  grace: OutageBudget,
) {
  const path = `/jobs/${encodeURIComponent(id)}/events${after > 0 ? `?after=${after}` : ''}`
  const answer = await connection.open('GET', path, {
    headers: { accept: 'application/x-ndjson' },
    signal: patience.signal,
  })
  const silent = (): void => answer.patience.extend(MAX_SILENCE_MS)
  try {
    const { body } = answer.response
    if (body === null) throw foreign(connection.url)
    silent()
    const lines = linesOf(body, () => {
      silent()
      grace.renew()
    })
    for await (const line of lines) {
      const event = parsedJson(line)
      if (!isEvent(event)) throw new UnreachableError(`the events of job ${id} were cut`)
      // Who takes his time with an event does not make foreman silent.
      answer.patience.extend(Number.POSITIVE_INFINITY)
      yield event
      silent()
    }
  } catch (error) {
    throw connection.failureOf(error, answer.patience)
  } finally {
    answer.close()
  }
}

function isEvent(it: unknown): it is JobEvent {
  if (!isObject(it) || typeof it['number'] !== 'number') return false
  return it['type'] === 'record' || (it['type'] === 'state' && typeof it['state'] === 'string')
}

async function isOver(connection: Connection, id: string, { signal }: CallDeadline): Promise<boolean> {
  const isJob = (it: Readonly<Record<string, unknown>>): boolean => typeof it['state'] === 'string'
  const path = `/jobs/${encodeURIComponent(id)}`
  const { document } = await connection.document<{ state: JobState }>('GET', path, isJob, { signal })
  return isFinal(document.state)
}
