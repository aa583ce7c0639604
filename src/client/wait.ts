// Owns how the end of a job is learnt of: by its events, by a webhook or by polling. Those only say when to look; what is
// believed is what foreman answers to GET, and that is asked every 30 s whatever else happens, so that no wait can hang.

import type { JobDocument } from '../protocol/wire.ts'
import { Bell } from './bell.ts'
import type { Connection } from './connection.ts'
import { WaitTimeoutError } from './error.ts'
import { eventsOf, isFinal } from './event-stream.ts'
import { Grace } from './grace.ts'
import { Patience } from './patience.ts'
import type { Receiver } from './receiver.ts'

/** How a wait hears of a job's end. Each falls back to the next by itself. */
export type Via = 'events' | 'receiver' | 'polling'

export interface Waiting {
  readonly connection: Connection
  readonly id: string
  readonly via: Via
  /** Null where this job's webhooks do not come here. */
  readonly receiver: Receiver | null
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
interface Ear {
  /** Webhooks heard of the job. */
  readonly heard: number
  readonly isDeaf: boolean
  close(): Promise<void>
}

const DEAF: Ear = { heard: 0, isDeaf: true, close: async () => undefined }

/** The job when it is over, whichever way. When this settles, nothing is open. */
export async function waitForEnd(waiting: Waiting): Promise<JobDocument> {
  const { id, signal, timeoutMs, unreachableMs } = waiting
  const patience = new Patience(signal, timeoutMs, () => new WaitTimeoutError(id, timeoutMs))
  const bell = new Bell()
  const grace = new Grace(unreachableMs)
  let via: Via | null = waiting.via
  let ear: Ear | null = null
  let before = ''
  let heardBefore = 0
  try {
    patience.throwIfOver()
    // A webhook that came between the look and the listening would not come again.
    if (via === 'receiver') ear = await listen(waiting, via, bell)
    for (;;) {
      const job = await looked(waiting, patience, grace)
      if (job !== null && isFinal(job.state)) return job
      ear ??= await listen(waiting, via ?? 'polling', bell)
      const now = job === null ? before : `${job.state} ${job.attempt}`
      // The look has found what a webhook should have told long ago: they do not get through.
      const isMute: boolean = via === 'receiver' && before !== '' && now !== before && ear.heard === heardBefore
      if ((ear.isDeaf || isMute) && via !== null) {
        await ear.close()
        via = next(via, waiting.receiver)
        ear = await listen(waiting, via ?? 'polling', bell)
      }
      before = now
      heardBefore = ear.heard
      await bell.heard(job === null || ear.isDeaf ? POLL_MS : SAFETY_POLL_MS, patience.signal)
    }
  } finally {
    await ear?.close()
    patience.leave()
  }
}

const next = (via: Via, receiver: Receiver | null): Via | null =>
  via === 'events' && receiver !== null ? 'receiver' : null

/** Null while foreman cannot be reached and there is hope. */
async function looked({ look }: Waiting, patience: Patience, grace: Grace): Promise<JobDocument | null> {
  try {
    const job = await look(patience.signal)
    grace.renew()
    return job
  } catch (error) {
    patience.throwIfOver()
    grace.forgive(error)
    return null
  }
}

async function listen(waiting: Waiting, via: Via, bell: Bell): Promise<Ear> {
  if (via === 'events') return eventEar(waiting, bell)
  if (via === 'receiver' && waiting.receiver !== null) return webhookEar(waiting.receiver, waiting.id, bell)
  return DEAF
}

function eventEar({ connection, id }: Waiting, bell: Bell): Ear {
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
    bell.ring()
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

async function webhookEar(receiver: Receiver, id: string, bell: Bell): Promise<Ear> {
  let heard = 0
  try {
    const hold = await receiver.hold()
    const forget = receiver.listen(id, ({ state }) => {
      heard++
      if (isFinal(state)) bell.ring()
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
    return DEAF
  }
}
