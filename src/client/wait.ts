// Wait for the end of a job by events, webhook or polling. Events and webhooks only say when to look: the result is what
// foreman answers to GET. That is requested at least every 30 s, so that no wait can hang.

import type { JobDocument } from '../protocol/wire.ts'
import { CallDeadline } from './call-deadline.ts'
import type { Connection } from './connection.ts'
import { WaitTimeoutError } from './error.ts'
import { eventsOf, isFinal } from './event-stream.ts'
import { OutageBudget } from './outage-budget.ts'
import type { WebhookReceiver } from './receiver.ts'
import { WaitSignal } from './wait-signal.ts'

/**
 * How a wait learns of the end of a job. `events` reads the event stream, `receiver` waits for a webhook, `polling` asks
 * every 2 s. `events` falls back to the receiver if there is one, and both fall back to polling.
 */
export type WaitStrategy = 'events' | 'receiver' | 'polling'

export interface WaitParts {
  readonly connection: Connection
  readonly id: string
  readonly via: WaitStrategy
  /** Null if this job's webhooks do not go to the client's receiver. */
  readonly receiver: WebhookReceiver | null
  /** How long foreman may be unreachable, in milliseconds. */
  readonly unreachableMs: number
  readonly look: (signal: AbortSignal) => Promise<JobDocument>
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}

const POLL_MS = 2_000
const SAFETY_POLL_MS = 30_000
/** After this long without events, polling is not slower than another try. */
const EVENTS_GRACE_MS = 5_000

/** Source of signals that it is time to look. */
interface EndSignal {
  /** Number of webhooks received for the job. */
  readonly received: number
  /** Whether no more signals will come. */
  readonly isClosed: boolean
  close(): Promise<void>
}

const UNAVAILABLE: EndSignal = { received: 0, isClosed: true, close: async () => undefined }

/** Resolves with the job in its final state. When this settles, nothing is open. */
export async function waitForEnd(waiting: WaitParts): Promise<JobDocument> {
  const { id, signal, timeoutMs, unreachableMs } = waiting
  const deadline = new CallDeadline(signal, timeoutMs, () => new WaitTimeoutError(id, timeoutMs))
  const wakeup = new WaitSignal()
  const budget = new OutageBudget(unreachableMs)
  let via: WaitStrategy | null = waiting.via
  let endSignal: EndSignal | null = null
  let before = ''
  let receivedBefore = 0
  try {
    deadline.throwIfOver()
    // Listen before looking: a webhook that arrives in between would not come again.
    if (via === 'receiver') endSignal = await listen(waiting, via, wakeup)
    for (;;) {
      const job = await looked(waiting, deadline, budget)
      if (job !== null && isFinal(job.state)) return job
      endSignal ??= await listen(waiting, via ?? 'polling', wakeup)
      const now = job === null ? before : `${job.state} ${job.attempt}`
      // The state changed without a webhook, so webhooks do not get through.
      const isMute: boolean =
        via === 'receiver' && before !== '' && now !== before && endSignal.received === receivedBefore
      if ((endSignal.isClosed || isMute) && via !== null) {
        await endSignal.close()
        via = next(via, waiting.receiver)
        endSignal = await listen(waiting, via ?? 'polling', wakeup)
      }
      before = now
      receivedBefore = endSignal.received
      await wakeup.wait(job === null || endSignal.isClosed ? POLL_MS : SAFETY_POLL_MS, deadline.signal)
    }
  } finally {
    await endSignal?.close()
    deadline.dispose()
  }
}

const next = (via: WaitStrategy, receiver: WebhookReceiver | null): WaitStrategy | null =>
  via === 'events' && receiver !== null ? 'receiver' : null

/** Returns null while foreman is unreachable and the outage budget is not used up. */
async function looked({ look }: WaitParts, deadline: CallDeadline, budget: OutageBudget): Promise<JobDocument | null> {
  try {
    const job = await look(deadline.signal)
    budget.renew()
    return job
  } catch (error) {
    deadline.throwIfOver()
    budget.tolerate(error)
    return null
  }
}

async function listen(waiting: WaitParts, via: WaitStrategy, wakeup: WaitSignal): Promise<EndSignal> {
  if (via === 'events') return eventSignal(waiting, wakeup)
  if (via === 'receiver' && waiting.receiver !== null) return webhookSignal(waiting.receiver, waiting.id, wakeup)
  return UNAVAILABLE
}

function eventSignal({ connection, id }: WaitParts, wakeup: WaitSignal): EndSignal {
  const events = eventsOf(connection, id, {}, EVENTS_GRACE_MS)
  let isClosed = false
  const reading = (async () => {
    try {
      // Only the end of the stream matters: the job has ended, or events are unavailable.
      for await (const _ of events);
    } catch {
      // The next look meets the same error, or it does not matter.
    }
    isClosed = true
    wakeup.set()
  })()
  return {
    received: 0,
    get isClosed() {
      return isClosed
    },
    async close() {
      await events.return()
      await reading
    },
  }
}

async function webhookSignal(receiver: WebhookReceiver, id: string, wakeup: WaitSignal): Promise<EndSignal> {
  let received = 0
  try {
    const hold = await receiver.hold()
    const unlisten = receiver.listen(id, ({ state }) => {
      received++
      if (isFinal(state)) wakeup.set()
    })
    return {
      get received() {
        return received
      },
      isClosed: false,
      async close() {
        unlisten()
        await hold.release()
      },
    }
  } catch {
    return UNAVAILABLE
  }
}
