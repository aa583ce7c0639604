// Wait for the end of a job by events, webhook or polling. Events and webhooks only say when to look: the result is what
// foreman answers to GET. That is requested at least every 30 s, so that no wait can hang.

import type { JobDocument } from '../protocol/wire.ts'
import { type CallDeadline, OutageBudget } from './call-deadline.ts'
import { type Connection, isJob, jobPath } from './connection.ts'
import { eventsOf, isFinal } from './event-stream.ts'
import type { WebhookReceiver } from './receiver.ts'

/**
 * How a wait learns of the end of a job. `events` reads the event stream, `receiver` waits for a webhook, `polling` asks
 * every 2 s. `events` falls back to the receiver if there is one, and both fall back to polling.
 */
export type WaitStrategy = 'events' | 'receiver' | 'polling'

export interface WaitParts {
  readonly connection: Connection
  readonly id: string
  /** Null if this job's webhooks do not go to the client's receiver. */
  readonly receiver: WebhookReceiver | null
  readonly deadline: CallDeadline
}

const POLL_MS = 2_000
const SAFETY_POLL_MS = 30_000
/** After this long without events, polling is not slower than another try. */
const MAX_EVENTS_OUTAGE_MS = 5_000

/** Source of signals that it is time to look. */
interface EndSignal {
  /** Number of webhooks received for the job. */
  received: number
  /** Whether no more signals will come. */
  isClosed: boolean
  close(): Promise<void>
}

/** Resolves with the job in its final state, or rejects with the reason of the deadline. When this settles, nothing is open. */
export async function waitForEnd(waiting: WaitParts, strategy: WaitStrategy): Promise<JobDocument> {
  const { connection, id, receiver, deadline } = waiting
  const { signal } = deadline
  const budget = new OutageBudget(connection.unreachableMs)
  let via = strategy
  let endSignal: EndSignal | null = null
  let before = ''
  let receivedBefore = 0
  try {
    signal.throwIfAborted()
    // Listen before looking: a webhook that arrives in between would not come again.
    if (via === 'receiver') endSignal = await SOURCES[via](waiting)
    for (;;) {
      const job = await connection.document<JobDocument>('GET', jobPath(id), isJob, { signal }).catch((error) => {
        signal.throwIfAborted()
        budget.tolerate(error)
        return null
      })
      if (job !== null) budget.renew()
      if (job !== null && isFinal(job.state)) return job
      endSignal ??= await SOURCES[via](waiting)
      const now = job === null ? before : `${job.state} ${job.attempt}`
      // The state changed without a webhook, so webhooks do not get through.
      const isMissingEvents =
        via === 'receiver' && before !== '' && now !== before && endSignal.received === receivedBefore
      if ((endSignal.isClosed || isMissingEvents) && via !== 'polling') {
        await endSignal.close()
        via = via === 'events' && receiver !== null ? 'receiver' : 'polling'
        endSignal = await SOURCES[via](waiting)
      }
      before = now
      receivedBefore = endSignal.received
      await deadline.sleep(job === null || endSignal.isClosed ? POLL_MS : SAFETY_POLL_MS)
    }
  } finally {
    await endSignal?.close()
    deadline.dispose()
  }
}

const closed = (): EndSignal => ({ received: 0, isClosed: true, close: async () => undefined })

const SOURCES: Readonly<Record<WaitStrategy, (waiting: WaitParts) => Promise<EndSignal>>> = {
  async events({ connection, id, deadline }) {
    const events = eventsOf(connection, id, {}, MAX_EVENTS_OUTAGE_MS)
    const endSignal: EndSignal = {
      received: 0,
      isClosed: false,
      async close() {
        await events.return()
        await reading
      },
    }
    const reading = (async () => {
      try {
        // Only the end of the stream matters: the job has ended, or events are unavailable.
        for await (const _ of events);
      } catch {
        // The next look meets the same error, or it does not matter.
      }
      endSignal.isClosed = true
      deadline.wake()
    })()
    return endSignal
  },

  async receiver({ receiver, id, deadline }) {
    if (receiver === null) return closed()
    try {
      const close = await receiver.listen(id, ({ state }) => {
        endSignal.received++
        if (isFinal(state)) deadline.wake()
      })
      const endSignal: EndSignal = { received: 0, isClosed: false, close }
      return endSignal
    } catch {
      return closed()
    }
  },

  async polling() {
    return closed()
  },
}
