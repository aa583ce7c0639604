import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { ApiError, ForemanClient, type JobEvent, UnreachableError } from '../../src/client/index.ts'
import { eventNumber } from '../../src/protocol/event.ts'
import {
  ClientTimers,
  document,
  ID,
  json,
  type ScriptedForeman,
  scriptedForeman,
  stateEvent,
  until,
  wordEvent,
} from './scripted-foreman.ts'

const HISTORY = [
  stateEvent(1, 'queued'),
  stateEvent(2, 'working', 'queued'),
  wordEvent(2, 1, 'hel'),
  wordEvent(2, 2, 'lo'),
  stateEvent(3, 'done', 'working'),
]
const EVENTS = `/jobs/${ID}/events`
const numbers = (events: readonly JobEvent[]): number[] => events.map(({ number }) => number)

async function all<T>(iteration: AsyncIterable<T>): Promise<T[]> {
  const them: T[] = []
  for await (const one of iteration) them.push(one)
  return them
}

const jobAt = (foreman: ScriptedForeman, options: object = {}) =>
  new ForemanClient({ url: foreman.url, ...options }).job(ID)

describe('the event iterator of a job', () => {
  it('yields the events in order and ends after the final state', async () => {
    const foreman = await scriptedForeman()
    foreman.history = HISTORY
    const timers = new ClientTimers()
    const { signal } = new AbortController()
    expect(await all(jobAt(foreman).events({ signal }))).toEqual(HISTORY)
    await until('the socket is closed', () => foreman.sockets === 0)
    expect(timers.delays).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(foreman.asked[0]).toMatchObject({ path: EVENTS, headers: { accept: 'application/x-ndjson' } })
  })

  it('continues after the last event when the connection is cut, each event once', async () => {
    const foreman = await scriptedForeman()
    foreman.history = HISTORY.slice(0, 3)
    const seen: JobEvent[] = []
    for await (const event of jobAt(foreman).events()) {
      seen.push(event)
      if (event.number === HISTORY[2]?.number) {
        // The known events come again, followed by the rest.
        foreman.history = HISTORY.slice(2)
        foreman.cut()
      }
    }
    expect(seen).toEqual(HISTORY)
    expect(foreman.asked.map(({ path }) => path)).toEqual([EVENTS, `${EVENTS}?after=${HISTORY[2]?.number}`])
  })

  it('requests events again that were cut inside a line', async () => {
    const foreman = await scriptedForeman()
    foreman.answers.set(`GET ${EVENTS}`, (_req, res) => {
      foreman.answers.delete(`GET ${EVENTS}`)
      foreman.history = HISTORY.slice(1)
      res.writeHead(200, { 'content-type': 'application/x-ndjson' })
      res.end(`${JSON.stringify(HISTORY[0])}\n${JSON.stringify(HISTORY[1]).slice(0, 40)}`)
    })
    expect(await all(jobAt(foreman).events())).toEqual(HISTORY)
  })

  it('accepts any chunk boundaries, with heartbeats between', async () => {
    const foreman = await scriptedForeman()
    const events = [stateEvent(1, 'queued'), wordEvent(1, 1, 'füß 🦙'), stateEvent(2, 'done', 'working')]
    foreman.answers.set(`GET ${EVENTS}`, async (_req, res) => {
      res.writeHead(200)
      const bytes = Buffer.from(events.map((event) => `  ${JSON.stringify(event)}\r\n`).join(' '))
      for (const byte of bytes) {
        await new Promise<void>((written) => res.write(Buffer.from([byte]), () => setImmediate(written)))
      }
      res.end()
    })
    expect(await all(jobAt(foreman).events())).toEqual(events)
  })

  it('can start in the middle', async () => {
    const foreman = await scriptedForeman()
    foreman.history = HISTORY
    const after = eventNumber(2, 1)
    expect(numbers(await all(jobAt(foreman).events({ after })))).toEqual(numbers(HISTORY.slice(3)))
    expect(foreman.asked[0]?.path).toBe(`${EVENTS}?after=${after}`)
  })

  it('ends at once after the final event', async () => {
    const foreman = await scriptedForeman()
    foreman.job = document('done')
    foreman.answers.set(`GET ${EVENTS}`, (_req, res) => res.writeHead(200).end())
    expect(await all(jobAt(foreman).events({ after: eventNumber(9) }))).toEqual([])
  })

  it('throws for an unknown job and for a foreman that stays away', async () => {
    const foreman = await scriptedForeman()
    foreman.answers.set(`GET ${EVENTS}`, (_req, res) => json(res, 404, { error: 'no job', code: 'job_not_found' }))
    const none = await all(jobAt(foreman).events()).catch((error: unknown) => error)
    expect(none).toBeInstanceOf(ApiError)
    expect(none).toMatchObject({ code: 'job_not_found' })
    foreman.answers.set(`GET ${EVENTS}`, (req) => req.socket.destroy())
    await expect(all(jobAt(foreman, { unreachableMs: 0 }).events())).rejects.toBeInstanceOf(UnreachableError)
  })

  it('sends no request before the first step', async () => {
    const foreman = await scriptedForeman()
    const controller = new AbortController()
    const events = jobAt(foreman).events({ signal: controller.signal })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(await events.return()).toEqual({ done: true, value: undefined })
    expect(foreman.asked).toEqual([])
  })

  it('leaves nothing open when it is left, also while it waits', async () => {
    const foreman = await scriptedForeman()
    foreman.history = HISTORY.slice(0, 2)
    const timers = new ClientTimers()
    const { signal } = new AbortController()
    for await (const _ of jobAt(foreman).events({ signal })) break
    await until('the socket is closed', () => foreman.sockets === 0)

    const events = jobAt(foreman).events({ signal })
    await events.next()
    await events.next()
    const third = events.next()
    expect((await events.return()).done).toBe(true)
    expect((await third).done).toBe(true)
    await until('the socket is closed', () => foreman.sockets === 0)
    expect(timers.delays).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('ends with the reason of the signal and leaves nothing open', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const controller = new AbortController()
    const step = jobAt(foreman).events({ signal: controller.signal }).next()
    const outcome = step.catch((error: unknown) => error)
    await until('they are listened to', () => foreman.streams.size === 1)
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
    await until('the socket is closed', () => foreman.sockets === 0)
    expect(timers.delays).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('reconnects after 45 s without bytes', async () => {
    const foreman = await scriptedForeman()
    foreman.history = HISTORY.slice(0, 1)
    const timers = new ClientTimers()
    const events = jobAt(foreman).events()
    await events.next()
    const next = events.next()
    await until('the silence is watched', () => timers.delays.includes(45_000))
    foreman.history = HISTORY.slice(1)
    timers.fire(45_000)
    expect((await next).value).toEqual(HISTORY[1])
    expect(foreman.asked.map(({ path }) => path)).toEqual([EVENTS, `${EVENTS}?after=${HISTORY[0]?.number}`])
    await events.return()
  })
})
