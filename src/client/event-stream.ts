// Event stream of one job. It reconnects after the last event if the connection is lost, and ends after the final state.
// Each event is delivered once, in order.

import type { JobEvent } from '../protocol/event.ts'
import { jsonObject } from '../protocol/json.ts'
import type { JobDocument, JobState } from '../protocol/wire.ts'
import { type CallDeadline, OutageBudget } from './call-deadline.ts'
import { type Connection, isJob, jobPath } from './connection.ts'
import { UnreachableError } from './error.ts'
import { type Iteration, iteration } from './iteration.ts'
import { linesOf } from './line-reader.ts'

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

/** `unreachableMs` is how long foreman may be unreachable before the iteration throws. */
export function eventsOf(
  connection: Connection,
  id: string,
  { after = 0, signal: outer }: EventsOptions,
  unreachableMs = connection.unreachableMs,
): Iteration<JobEvent> {
  return iteration(outer, async function* (deadline) {
    const { signal } = deadline
    const budget = new OutageBudget(unreachableMs)
    let last = after
    let pause = FIRST_PAUSE_MS
    let emptyEnds = 0
    for (;;) {
      let isEmpty = true
      try {
        for await (const event of connected(connection, id, last, deadline, budget)) {
          if (event.number <= last) continue
          last = event.number
          isEmpty = false
          pause = FIRST_PAUSE_MS
          yield event
          if (event.type === 'state' && isFinal(event.state)) return
        }
        // After the final event foreman sends nothing. Checked twice, because the job may have ended just now.
        if (isEmpty) {
          const { state } = await connection.document<JobDocument>('GET', jobPath(id), isJob, { signal })
          if (isFinal(state) && ++emptyEnds > 1) return
        }
      } catch (error) {
        signal.throwIfAborted()
        budget.tolerate(error)
      }
      await deadline.sleep(pause * (0.75 + Math.random() / 2))
      pause = Math.min(2 * pause, MAX_PAUSE_MS)
    }
  })
}

/** Yields the events of one connection. */
function connected(
  connection: Connection,
  id: string,
  after: number,
  { signal }: CallDeadline,
  budget: OutageBudget,
): AsyncGenerator<JobEvent, void, void> {
  const path = jobPath(id, `/events${after > 0 ? `?after=${after}` : ''}`)
  const request = { headers: { accept: 'application/x-ndjson' }, signal }
  return connection.stream('GET', path, request, async function* (body, { deadline }) {
    deadline.extend(MAX_SILENCE_MS)
    const lines = linesOf(body, () => {
      deadline.extend(MAX_SILENCE_MS)
      budget.renew()
    })
    for await (const line of lines) {
      const event = jsonObject(line)
      if (!isEvent(event)) throw new UnreachableError(`the events of job ${id} were cut`)
      // The time limit is for foreman, not for the reader of the event.
      deadline.extend(Number.POSITIVE_INFINITY)
      yield event
      deadline.extend(MAX_SILENCE_MS)
    }
  })
}

function isEvent(it: unknown): it is JobEvent {
  const { number, type, state } = (it ?? {}) as Partial<Record<string, unknown>>
  return typeof number === 'number' && (type === 'record' || (type === 'state' && typeof state === 'string'))
}
