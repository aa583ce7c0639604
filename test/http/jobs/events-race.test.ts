// Whatever happens between the moment somebody begins to watch and the store's answer: each event comes once, in its order.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NOTHING_RESIDENT } from '../../../src/daemon/domain/affinity.ts'
import type { Job, State, StateChange } from '../../../src/daemon/domain/job.ts'
import type { Call } from '../../../src/daemon/http/call.ts'
import type { HttpContext } from '../../../src/daemon/http/context.ts'
import { MAX_BACKLOG_BYTES } from '../../../src/daemon/http/jobs/event-stream.ts'
import { streamEvents } from '../../../src/daemon/http/jobs/events.ts'
import { type OwnError, refuse } from '../../../src/daemon/http/respond.ts'
import { Relay } from '../../../src/daemon/runtime/relay.ts'
import type { AnswerSoFar } from '../../../src/daemon/services/attempt-run.ts'
import { eventNumber } from '../../../src/protocol/event.ts'
import { job as example } from '../../domain/job-example.ts'
import { until } from '../../harness.ts'
import { TestClock } from '../../test-clock.ts'
import { eventsIn, follow } from './events-stream.ts'

const ID = '01JD0000000000000000000000'
const QUEUED: StateChange = { number: 1, state: 'queued', previous: null, attempt: 0, at: 0 }
const WORKING: StateChange = { number: 2, state: 'working', previous: 'queued', attempt: 1, at: 0 }
const DONE: StateChange = { number: 3, state: 'done', previous: 'working', attempt: 1, at: 0 }

interface Asked {
  readonly url: string
  readonly relay: Relay
  /** What the store says, once it does. */
  answer(changes: readonly StateChange[] | null, state?: State): void
  fail(error: Error): void
}

/** The handler alone, on a real socket, in front of a store that answers when the test says so. */
async function asked(soFar: AnswerSoFar | null, stored: string | null = null): Promise<Asked> {
  const relay = new Relay()
  const changes = Promise.withResolvers<readonly StateChange[] | null>()
  const job = Promise.withResolvers<Job | null>()
  const body = Buffer.from(stored ?? '')
  const entry = { name: 'response', contentType: 'x', bytes: body.length, etag: 'x', inline: null }
  const app = {
    ...{ relay, clock: new TestClock(), log: { error: () => {}, warn: () => {} } },
    config: { heartbeatMs: 0, clientStallMs: 60_000 },
    prober: { status: { inventory: null } },
    dispatcher: { answerSoFar: () => soFar, residency: NOTHING_RESIDENT },
    store: {
      changes: () => changes.promise,
      get: () => job.promise,
      detail: () => Promise.resolve({ artifacts: stored === null ? [] : [entry] }),
      artifact: (_id: string, _name: string, from: number, to: number) => Promise.resolve(body.subarray(from, to)),
    },
    // All that the handler asks for; anything else would throw.
  } as unknown as HttpContext
  const server = createServer((req, res) => {
    const { search: query } = new URL(req.url ?? '', 'http://x')
    const call = { context: app, query, req, res, refuse: (error: OwnError) => refuse(app, res, 'jobs', error) }
    streamEvents(call as Call, ID, '').catch(() => res.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close().closeAllConnections())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    relay,
    answer(told, state = 'working') {
      changes.resolve(told)
      job.resolve(told === null ? null : example({ id: ID, caller: 'none', state }))
    },
    fail: (error) => changes.reject(error),
  }
}

const record = (relay: Relay, place: number): void =>
  relay.record(ID, eventNumber(2, place), { event: null, data: Buffer.from(`{"r":${place}}`) })
const changed = (relay: Relay, change: StateChange): void => relay.changed(ID, { ...change, error: null })

/** `1`, `2`, … for changes, `2.1` for the first record behind the second. */
const places = (body: string): string[] =>
  eventsIn(body).map(({ number }) => {
    const [change, place] = [Math.floor(number / 1e8), number % 1e8]
    return place === 0 ? `${change}` : `${change}.${place}`
  })

const soFar = (text: string, records: number): AnswerSoFar => ({ change: 2, chunks: [Buffer.from(text)], records })
const ALL = ['1', '2', '2.1', '2.2', '3']

describe('each event comes once and in order', () => {
  it('if the job ends during the store read, and the read includes the end', async () => {
    const { url, relay, answer } = await asked(soFar('{"r":1}\n', 1))
    const watcher = follow(url, ID)
    await until('it watches', () => relay.isWatched(ID))
    record(relay, 2)
    changed(relay, DONE)
    answer([QUEUED, WORKING, DONE], 'done')
    const { body, cut } = await watcher.answer()
    expect([places(body), cut]).toEqual([ALL, false])
  })

  it('if the store knows the end before the relay announces it', async () => {
    const { url, relay, answer } = await asked(soFar('{"r":1}\n{"r":2}\n', 2))
    const watcher = follow(url, ID)
    await until('it watches', () => relay.isWatched(ID))
    answer([QUEUED, WORKING, DONE], 'done')
    changed(relay, DONE)
    expect(places((await watcher.answer()).body)).toEqual(ALL)
  })

  it('if the whole run happens during the store read', async () => {
    const { url, relay, answer } = await asked(null, '{"r":1}\n{"r":2}\n')
    const watcher = follow(url, ID)
    await until('it watches', () => relay.isWatched(ID))
    changed(relay, WORKING)
    record(relay, 1)
    record(relay, 2)
    changed(relay, DONE)
    answer([QUEUED, WORKING, DONE], 'done')
    expect(places((await watcher.answer()).body)).toEqual(ALL)
  })

  it('if the job had ended before the watcher came', async () => {
    const { url, answer } = await asked(null, '{"r":1}\n{"r":2}')
    const watcher = follow(url, ID)
    answer([QUEUED, WORKING, DONE], 'done')
    expect(places((await watcher.answer()).body)).toEqual(ALL)
  })

  it('if the last record came with the end of the answer, which is not saved yet', async () => {
    const { url, relay, answer } = await asked(soFar('{"r":1}\n{"r":2}', 2))
    const watcher = follow(url, ID)
    answer([QUEUED, WORKING])
    await watcher.hears('"r":2')
    changed(relay, DONE)
    expect(places((await watcher.answer()).body)).toEqual(ALL)
  })

  it('if the job continues after the history was sent', async () => {
    const { url, relay, answer } = await asked(null)
    const watcher = follow(url, ID)
    answer([QUEUED], 'queued')
    await watcher.hears('"queued"')
    changed(relay, WORKING)
    record(relay, 1)
    record(relay, 1)
    record(relay, 2)
    changed(relay, DONE)
    const { body, cut } = await watcher.answer()
    expect([places(body), cut]).toEqual([ALL, false])
    await until('nobody watches', () => !relay.isWatched(ID))
  })
})

describe('no subscription is left', () => {
  it('for an unknown job', async () => {
    const { url, relay, answer } = await asked(null)
    const watcher = follow(url, ID)
    await until('it watches', () => relay.isWatched(ID))
    answer(null)
    expect((await watcher.answer()).status).toBe(404)
    await until('nobody watches', () => !relay.isWatched(ID))
  })

  it('after an error of the store', async () => {
    const { url, relay, fail } = await asked(null)
    const watcher = follow(url, ID)
    await until('it watches', () => relay.isWatched(ID))
    fail(new Error('broken'))
    await expect(watcher.answer()).rejects.toThrow()
    await until('nobody watches', () => !relay.isWatched(ID))
  })

  it('after the watcher left before the store answered', async () => {
    const { url, relay, answer } = await asked(null)
    const watcher = follow(url, ID)
    await until('it watches', () => relay.isWatched(ID))
    watcher.hangUp()
    await until('nobody watches', () => !relay.isWatched(ID))
    answer([QUEUED])
    changed(relay, WORKING)
  })
})

it('events buffered during the store read are limited: the watcher is cut and the run is not slowed', async () => {
  const { url, relay, answer } = await asked(soFar('', 0))
  const watcher = follow(url, ID)
  await until('it watches', () => relay.isWatched(ID))
  const data = Buffer.from(JSON.stringify('x'.repeat(1000)))
  for (let place = 1; place < (2 * MAX_BACKLOG_BYTES) / 1000; place++) {
    relay.record(ID, eventNumber(2, place), { event: null, data })
  }
  answer([QUEUED, WORKING])
  const seen = await watcher.answer().catch(() => null)
  expect(seen === null || seen.cut).toBe(true)
  await until('nobody watches', () => !relay.isWatched(ID))
})

describe('records for many watchers', () => {
  it('are encoded once', async () => {
    const { url, relay, answer } = await asked(null)
    const watchers = Array.from({ length: 5 }, () => follow(url, ID))
    await until('all watch', () => relay.watchers === 5)
    answer([QUEUED], 'queued')
    await Promise.all(watchers.map((watcher) => watcher.hears('"queued"')))
    let decoded = 0
    const data = Buffer.from('{"r":1}')
    const text = data.toString.bind(data)
    data.toString = (...args: Parameters<Buffer['toString']>) => {
      decoded += 1
      return text(...args)
    }
    changed(relay, WORKING)
    relay.record(ID, eventNumber(2, 1), { event: null, data })
    changed(relay, DONE)
    for (const watcher of watchers) expect(places((await watcher.answer()).body)).toEqual(['1', '2', '2.1', '3'])
    expect(decoded).toBe(1)
  })

  it('are not sent to a watcher that was cut, although its socket is still open', async () => {
    const { url, relay, answer } = await asked(null)
    const watcher = follow(url, ID)
    answer([QUEUED], 'queued')
    await watcher.hears('"queued"')
    await watcher.stopReading()
    changed(relay, WORKING)
    const data = Buffer.from(JSON.stringify('x'.repeat(100_000)))
    let place = 0
    for (; place < 1_000 && relay.isWatched(ID); place++)
      relay.record(ID, eventNumber(2, place + 1), { event: null, data })
    // In one turn nothing is written to the socket, so all of it counts: ten records fit into the bound, the next does not.
    expect([relay.isWatched(ID), place]).toEqual([false, 11])
    await watcher.resume()
    expect((await watcher.answer()).cut).toBe(true)
  })

  it('are sent to a watcher that is not behind, however large they are', async () => {
    const { url, relay, answer } = await asked(null)
    const watcher = follow(url, ID)
    answer([QUEUED], 'queued')
    await watcher.hears('"queued"')
    const data = Buffer.from(JSON.stringify('x'.repeat(2 * MAX_BACKLOG_BYTES)))
    relay.record(ID, eventNumber(2, 1), { event: null, data })
    changed(relay, DONE)
    const { body, cut } = await watcher.answer()
    expect([places(body), cut]).toEqual([['1', '2.1', '3'], false])
  })
})
