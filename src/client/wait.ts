// Owns how the end of a job is learnt of: by its events, by a webhook or by polling. Those only say when to look; what is
// believed is what foreman answers to GET, and that is asked every 30 s whatever else happens, so that no wait can hang.

import type { JobDocument } from '../protocol/wire.ts'
import { CallDeadline } from './call-deadline.ts'
import type { Connection } from './connection.ts'
import { WaitTimeoutError } from './error.ts'
import { eventsOf, isFinal } from './event-stream.ts'
import { OutageBudget } from './outage-budget.ts'
import type { WebhookReceiver } from './receiver.ts'
import { WaitSignal } from './wait-signal.ts'

/** How a wait hears of a job's end. Each falls back to the next by itself. */
export type WaitStrategy = 'events' | 'receiver' | 'polling'

export interface WaitParts {
  readonly connection: Connection
  readonly id: string
  readonly via: WaitStrategy
  /** Null where this job's webhooks do not come here. */
  readonly receiver: WebhookReceiver | null
  /** How long foreman may be unreachable. */
  readonly unreachableMs: number
  readonly look: (signal: AbortSignal) => Promise<JobDocument>
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}

const POLL_MS = 2_000
const SAFETY_POLL_MS = 30_000
/** Events that cannot be had for this long are given up: polling is no slower than trying again. */
const EVENTS_GRACE_MS = 5_000

/** Something that rings when it is time to look. */
interface EndSignal {
  /** Webhooks heard of the job. */
  readonly heard: number
  readonly isDeaf: boolean
  close(): Promise<void>
}

const UNAVAILABLE: EndSignal = { heard: 0, isDeaf: true, close: async () => undefined }

/** The job when it is over, whichever way. When this settles, nothing is open. */
export async function waitForEnd(waiting: WaitParts): Promise<JobDocument> {
  const { id, signal, timeoutMs, unreachableMs } = waiting
  const deadline = new CallDeadline(signal, timeoutMs, () => new WaitTimeoutError(id, timeoutMs))
  const wakeup = new WaitSignal()
  const budget = new OutageBudget(unreachableMs)
  let via: WaitStrategy | null = waiting.via
  let endSignal: EndSignal | null = null
  let before = ''
  let heardBefore = 0
  try {
    deadline.throwIfOver()
    // A webhook that came between the look and the listening would not come again.
    if (via === 'receiver') endSignal = await listen(waiting, via, wakeup)
    for (;;) {
      const job = await looked(waiting, deadline, budget)
      if (job !== null && isFinal(job.state)) return job
      endSignal ??= await listen(waiting, via ?? 'polling', wakeup)
      const now = job === null ? before : `${job.state} ${job.attempt}`
      // The look has found what a webhook should have told long ago: they do not get through.
      const isMute: boolean = via === 'receiver' && before !== '' && now !== before && endSignal.heard === heardBefore
      if ((endSignal.isDeaf || isMute) && via !== null) {
        await endSignal.close()
        via = next(via, waiting.receiver)
        endSignal = await listen(waiting, via ?? 'polling', wakeup)
      }
      before = now
      heardBefore = endSignal.heard
      await wakeup.wait(job === null || endSignal.isDeaf ? POLL_MS : SAFETY_POLL_MS, deadline.signal)
    }
  } finally {
    await endSignal?.close()
    deadline.dispose()
  }
}

const next = (via: WaitStrategy, receiver: WebhookReceiver | null): WaitStrategy | null =>
  via === 'events' && receiver !== null ? 'receiver' : null

/** Null while foreman cannot be reached and there is hope. */
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
  if (via === 'events') return eventEar(waiting, wakeup)
  if (via === 'receiver' && waiting.receiver !== null) return webhookEar(waiting.receiver, waiting.id, wakeup)
  return UNAVAILABLE
}

function eventEar({ connection, id }: WaitParts, wakeup: WaitSignal): EndSignal {
  const events = eventsOf(connection, id, {}, EVENTS_GRACE_MS)
  let isDeaf = false
  const reading = (async () => {
    try {
      // Only their end matters: it comes with the job's, or because they cannot be had.
      for await (const _ of events);
    } catch {
      // Whatever it is, the next look will meet it as well, or it does not matter.
    }
    isDeaf = true
    wakeup.set()
  })()
  return {
    heard: 0,
    get isDeaf() {
      return isDeaf
    },
    async close() {
      await events.return()
      await reading
    },
  }
}

async function webhookEar(receiver: WebhookReceiver, id: string, wakeup: WaitSignal): Promise<EndSignal> {
  let heard = 0
  try {
    const hold = await receiver.hold()
    const forget = receiver.listen(id, ({ state }) => {
      heard++
      if (isFinal(state)) wakeup.set()
    })
    return {
      get heard() {
        return heard
      },
      isDeaf: false,
      async close() {
        forget()
        await hold.release()
      },
    }
  } catch {
    return UNAVAILABLE
  }
}
