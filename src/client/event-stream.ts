// Event stream of one job. It reconnects after the last event if the connection is lost, and ends after the final state.
// Each event is delivered once, in order.

import type { JobEvent } from '../protocol/event.ts'
import type { JobState } from '../protocol/wire.ts'
import type { CallDeadline } from './call-deadline.ts'
import { type Connection, foreign, isObject, parsedJson } from './connection.ts'
import { UnreachableError } from './error.ts'
import { type Iteration, iteration } from './iteration.ts'
import { linesOf } from './line-reader.ts'
import { OutageBudget } from './outage-budget.ts'

export interface EventsOptions {
  /** Only events after the event with this number. Default: 0, from the start. */
  readonly after?: number | undefined
  /** Ends the iteration, which then throws the signal's reason. The job continues. */
  readonly signal?: AbortSignal | undefined
}

/** foreman sends a heartbeat at least every 15 s. */
const MAX_SILENCE_MS = 45_000
const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 5_000

/** Returns whether a job in this state has ended. */
export const isFinal = (state: JobState): boolean => state === 'done' || state === 'failed' || state === 'cancelled'

/** `graceMs` is how long foreman may be unreachable before the iteration throws. */
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
      // After the final event foreman sends nothing. Checked twice, because the job may have ended just now.
      if (isEmpty && (await isOver(connection, id, patience)) && ++emptyEnds > 1) return
    } catch (error) {
      patience.throwIfOver()
      grace.tolerate(error)
    }
    await patience.sleep(pause * (0.75 + Math.random() / 2))
    pause = Math.min(2 * pause, MAX_PAUSE_MS)
  }
}

/** Yields the events of one connection. */
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
      // The time limit is for foreman, not for the reader of the event.
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
