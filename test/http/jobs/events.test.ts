// What `GET /jobs/{id}/events` promises: each change and each record once, in its order, whenever one comes to look; and
// a watcher changes nothing.

import { describe, expect, it } from 'vitest'
import { eventNumber } from '../../../src/protocol/event.ts'
import type { ErrorDocument } from '../../../src/protocol/wire.ts'
import { type Answer, Caller, call, chat, get } from '../../caller.ts'
import { breaksWith, cut, FakeOllama, fails, huge, says, sliced, unmarked } from '../../fake-ollama.ts'
import { passTime, startForeman, until } from '../../harness.ts'
import { allEvents, eventsIn, follow, story } from './events-stream.ts'
import { act, documentOf, inState, submit } from './submission.ts'

describe('the events of a job', () => {
  it('come as they happen and end after the final state', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('load').hold('middle')
    const { job_id } = await submit(url)
    const watcher = follow(url, job_id)
    await watcher.hears('"loading"')
    expect(watcher.heard).not.toContain('"working"')
    fake.release('load')
    await watcher.hears('"Hello"')
    expect(watcher.heard).not.toContain('" world"')
    fake.hold('end').release('middle')
    await watcher.hears('" world"')
    expect(watcher.heard).not.toContain('"state":"done"')
    fake.release('end')
    const answer = await watcher.answer()
    expect(answer.cut).toBe(false)
    const events = eventsIn(answer.body)
    expect(story(events)).toEqual(['queued', 'loading', 'working', '"Hello"', '" world"', '"!"', '""', 'done'])
    expect(events[1]).toEqual({
      ...{ number: eventNumber(2), type: 'state', state: 'loading', previous_state: 'queued', attempt: 1 },
      timestamp: '2026-01-06T12:00:00.000Z',
    })
    expect(events.map(({ number }) => number)).toEqual([
      ...[eventNumber(1), eventNumber(2), eventNumber(3)],
      ...[1, 2, 3, 4].map((record) => eventNumber(3, record)),
      eventNumber(4),
    ])
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
  })

  it.each([
    ['/api/chat', {}],
    ['/api/chat', { stream: false }],
    ['/api/generate', { prompt: 'x' }],
    ['/v1/chat/completions', { stream: true }],
    ['/v1/chat/completions', {}],
    ['/v1/messages', { stream: true, max_tokens: 5 }],
    ['/v1/responses', { stream: true, input: 'x' }],
    ['/v1/responses', { input: 'x' }],
  ])('of %s %j are the same from the start, in the middle and afterwards', async (endpoint, more) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on(endpoint, { ...says('Hel', 'lo', ' wor', 'ld'), ...sliced(7), gate: 'first' })
    fake.hold('first').hold('middle')
    const { job_id } = await submit(url, { endpoint, ...more })
    const early = follow(url, job_id)
    await early.hears('"loading"')
    fake.release('first')
    // What is not streamed has no middle to be held at.
    if ('stream' in more && more.stream) await early.hears('"record"')
    const middle = follow(url, job_id)
    await middle.hears('"queued"')
    fake.release('middle')
    const live = eventsIn((await early.answer()).body)
    expect(live.at(-1)).toMatchObject({ state: 'done' })
    expect(live.filter(({ type }) => type === 'record').length).toBeGreaterThan(0)
    expect(eventsIn((await middle.answer()).body)).toEqual(live)
    expect(await allEvents(url, job_id)).toEqual(live)
  })

  it('keep the event name of a record, and give text that is not JSON as a string', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const named = await submit(url, { endpoint: '/v1/messages', stream: true, max_tokens: 5 })
    expect((await allEvents(url, named.job_id)).find(({ type }) => type === 'record')).toMatchObject({
      event: 'message_start',
      data: { type: 'message_start' },
    })
    const plain = await submit(url, { endpoint: '/v1/chat/completions', stream: true })
    const records = (await allEvents(url, plain.job_id)).filter(({ type }) => type === 'record')
    expect(records.at(-1)).toEqual({ number: expect.any(Number), type: 'record', data: '[DONE]' })
  })

  it('have each record as the target wrote it', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const record = '{"n":12345678901234567890,"f":1.0,"done":true}'
    const body = `${record}\n`
    fake.on('/api/chat', { status: 200, body, headers: [['Content-Type', 'application/x-ndjson']] })
    const { job_id } = await submit(url)
    await inState(url, job_id, 'done')
    expect((await get(url, `/jobs/${job_id}/events`)).body).toContain(`"data":${record}}\n`)
  })

  it('of an unstreamed answer over several lines are one line each', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const body = JSON.stringify({ message: { content: 'a\nb' }, done: true }, null, 2)
    fake.on('/api/chat', { status: 200, body, headers: [['Content-Type', 'application/json']] })
    const { job_id } = await submit(url, { stream: false })
    expect(story(await allEvents(url, job_id))).toEqual(['queued', 'loading', 'working', '"a\nb"', 'done'])
  })
})

describe('a watcher that reconnects', () => {
  it('gets the events after any event it names', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url)
    const all = await allEvents(url, job_id)
    expect(all.length).toBeGreaterThan(5)
    for (const [index, { number }] of all.entries()) {
      expect(await allEvents(url, job_id, `?after=${number}`)).toEqual(all.slice(index + 1))
    }
    const [, second] = all
    const header = { 'Last-Event-ID': String(second?.number) }
    // As a browser does that connects again: the old address, and in the header how far it came.
    expect(await allEvents(url, job_id, '?after=1', header)).toEqual(all.slice(2))
    expect(await allEvents(url, job_id, '?after=999999999999999')).toEqual([])
  })

  it('during a run continues in the middle of the answer', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', says('a', 'b', 'c')).hold('middle')
    const { job_id } = await submit(url)
    const first = follow(url, job_id)
    await first.hears('"a"')
    fake.hold('end').release('middle')
    await first.hears('"c"')
    first.hangUp()
    const second = follow(url, job_id, `?after=${eventNumber(3, 1)}`)
    await second.hears('"c"')
    fake.release('end')
    expect(story(eventsIn((await second.answer()).body))).toEqual(['"b"', '"c"', '""', 'done'])
  })

  it.each([
    ['?after=-1', {}, 'after must be the number of an event'],
    ['?after=x', {}, 'not "x"'],
    ['?after=', {}, 'after must be'],
    ['?after=1&after=2', {}, 'after must be sent once'],
    ['?aftr=1', {}, 'unknown parameter "aftr": allowed are after'],
    ['', { 'Last-Event-ID': '1.5' }, 'Last-Event-ID must be'],
  ])('with %s %j gets an error', async (query, headers, words) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url)
    const answer = await get(url, `/jobs/${job_id}/events${query}`, headers)
    expect(answer.status).toBe(400)
    expect(documentOf<ErrorDocument>(answer).error).toContain(words)
  })
})

describe('the end of a job without an answer', () => {
  const storyOf = async (script: Parameters<FakeOllama['on']>[1]) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('first').on('/api/chat', { ...script, gate: 'first' })
    const { job_id } = await submit(url)
    const watcher = follow(url, job_id)
    await watcher.hears('"loading"')
    fake.release('first')
    const live = eventsIn((await watcher.answer()).body)
    expect(await allEvents(url, job_id)).toEqual(live)
    return { states: story(live), error: (live.at(-1) as { error?: unknown }).error }
  }

  it("has its reason, and the target's error is not a record", async () => {
    const { states, error } = await storyOf(fails(500, 'broken'))
    expect(states).toEqual(['queued', 'loading', 'failed'])
    expect(error).toEqual({ code: 'target_error', message: 'broken', status: 500 })
  })

  it('has no record either if the model was resident, so that the job was working from the start', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await inState(url, (await submit(url)).job_id, 'done')
    fake.on('/api/chat', fails(500, 'broken'))
    const { job_id } = await submit(url)
    await inState(url, job_id, 'failed')
    expect(story(await allEvents(url, job_id))).toEqual(['queued', 'working', 'failed'])
  })

  it('comes after the records before it', async () => {
    const { states, error } = await storyOf(breaksWith('out of memory'))
    expect(states).toEqual(['queued', 'loading', 'working', '"Hello"', '"{"error":"out of memory"}"', 'failed'])
    expect(error).toMatchObject({ code: 'target_error', status: null })
    expect((await storyOf(unmarked(1))).states).toEqual(['queued', 'loading', 'working', '"Hello"', 'failed'])
  })

  it('is announced for a cancellation too', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const { job_id } = await submit(url)
    const watcher = follow(url, job_id)
    await watcher.hears('"Hello"')
    await act(url, job_id, 'cancel')
    const live = eventsIn((await watcher.answer()).body)
    expect(story(live)).toEqual(['queued', 'loading', 'working', '"Hello"', 'cancelled'])
    expect(live.at(-1)).toMatchObject({ error: { code: 'cancelled' } })
    expect(await allEvents(url, job_id)).toEqual(live)
  })
})

describe('a job that is sent again', () => {
  it('voids its records by `queued`, and later watchers get only the last answer', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { url } = running
    fake.on('/api/chat', { ...says('old', 'x'), ...cut('fin', 1) }, says('new'))
    fake.hold('cut')
    const { job_id } = await submit(url)
    const watcher = follow(url, job_id)
    await watcher.hears('"old"')
    fake.release('cut')
    await until('it waits again', () => story(eventsIn(watcher.heard)).filter((word) => word === 'queued').length === 2)
    await passTime(running, fake, 3_000)
    const live = eventsIn((await watcher.answer()).body)
    const numbers = live.map(({ number }) => number)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    const states = story(live)
    expect(states.slice(0, 5)).toEqual(['queued', 'loading', 'working', '"old"', 'queued'])
    expect(states.slice(-3)).toEqual(['"new"', '""', 'done'])
    expect(await allEvents(url, job_id)).toEqual(live.filter((_, index) => states[index] !== '"old"'))
  })

  it('by a restart of foreman can be followed by a watcher that was cut', async () => {
    await using fake = await FakeOllama.start()
    const { url, daemon, config } = await startForeman(fake)
    fake.hold('middle')
    const { job_id } = await submit(url)
    const watcher = follow(url, job_id)
    await watcher.hears('"Hello"')
    void daemon.stop()
    // The clock stands: a stop does not wait for who looks on.
    await daemon.stop()
    const first = await watcher.answer()
    expect(first.cut).toBe(true)
    const heard = eventsIn(first.body)
    expect(story(heard).at(-1)).toBe('queued')
    fake.release('middle')
    const again = await startForeman(fake, { db: config.db })
    const rest = await allEvents(again.url, job_id, `?after=${heard.at(-1)?.number}`)
    expect(story([...heard, ...rest]).filter((word) => word === 'queued')).toHaveLength(2)
    expect(story(rest).at(-1)).toBe('done')
    expect(rest.every(({ number }) => number > (heard.at(-1)?.number ?? 0))).toBe(true)
  })
})

describe('a waiting call', () => {
  it('is followed from the time the watcher comes', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', says('a', 'b', 'c', 'd')).hold('middle')
    const caller = chat(url)
    const { headers } = await caller.head()
    const id = String(headers['x-foreman-job-id'])
    const watcher = follow(url, id)
    await watcher.hears('"working"')
    fake.release('middle')
    const answer = await watcher.answer()
    expect(answer.cut).toBe(false)
    expect(story(eventsIn(answer.body)).slice(-4)).toEqual(['"c"', '"d"', '""', 'done'])
    expect((await caller.answer()).cut).toBe(false)
    // Nothing of its answer is kept, and of a load that took no time nothing is known.
    expect(story(await allEvents(url, id))).toEqual(['queued', 'working', 'done'])
  })
})

describe('events as server-sent events', () => {
  const SSE = { Accept: 'text/event-stream' }

  it('have number, type and document', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url)
    const all = await allEvents(url, job_id)
    const answer = await get(url, `/jobs/${job_id}/events`, SSE)
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(answer.body).toBe(
      all.map((event) => `id: ${event.number}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
    )
  })

  it.each([
    ['text/event-stream', 'sse'],
    ['application/json, text/event-stream', 'sse'],
    ['Text/Event-Stream; q=0.5', 'sse'],
    ['*/*', 'ndjson'],
    ['application/x-ndjson, text/event-stream;q=0.9', 'ndjson'],
    ['text/event-stream;q=0', 'ndjson'],
    ['text/html', 'ndjson'],
  ])('are chosen by Accept: %s is %s', async (accept, form) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url)
    const { headers } = await call(url, { method: 'HEAD', path: `/jobs/${job_id}/events`, headers: { Accept: accept } })
    expect(headers['content-type']?.startsWith('text/event-stream') ? 'sse' : 'ndjson').toBe(form)
  })

  it.each([
    ['a comment', SSE, ': waiting\n\n'],
    ['a single space in NDJSON', {}, ' '],
  ])('have %s as the heartbeat while the job produces no events', async (_name, headers, beat) => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake, { config: { heartbeatMs: 10_000 } })
    fake.hold('load')
    const { job_id } = await submit(url)
    const watcher = follow(url, job_id, '', headers)
    const before = await watcher.hears((body) => body.includes('"loading"') && body.endsWith('\n'))
    clock.advance(9_900)
    await get(url, '/healthz')
    expect(watcher.heard).toBe(before)
    clock.advance(100)
    await watcher.hears((body) => body === before + beat)
    clock.advance(10_000)
    await watcher.hears((body) => body === before + beat + beat)
    fake.release('load')
    const { body } = await watcher.answer()
    expect(body).toContain('"done"')
  })
})

describe('a watcher', () => {
  it('that hangs up leaves no timer and no subscription, and the run continues', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake)
    fake.hold('middle')
    const { job_id } = await submit(url)
    await inState(url, job_id, 'working')
    const before = clock.timers
    const watchers = Array.from({ length: 20 }, () => follow(url, job_id))
    await Promise.all(watchers.map((watcher) => watcher.hears('"Hello"')))
    expect(clock.timers).toBeGreaterThan(before + 10)
    for (const watcher of watchers) watcher.hangUp()
    await until('their timers are gone', () => clock.timers <= before + 5)
    fake.release('middle')
    await inState(url, job_id, 'done')
  })

  it('that reads nothing does not slow the run, is cut, and can continue where it was', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', huge(20_000_000)).hold('middle')
    const { job_id } = await submit(url)
    const slow = follow(url, job_id)
    await slow.hears('"working"')
    await slow.stopReading()
    fake.release('middle')
    await inState(url, job_id, 'done')
    await slow.resume()
    const first = await slow.answer()
    expect(first.cut).toBe(true)
    const heard = eventsIn(first.body)
    expect(first.body.length).toBeLessThan(20_000_000)
    const rest = await allEvents(url, job_id, `?after=${heard.at(-1)?.number}`)
    expect([...heard, ...rest].map(({ number }) => number)).toEqual(
      (await allEvents(url, job_id)).map(({ number }) => number),
    )
  })

  it('that reads a finished job slowly is waited for', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', huge(20_000_000))
    const { job_id } = await submit(url)
    await inState(url, job_id, 'done')
    const slow = follow(url, job_id)
    await slow.hears('"working"')
    await slow.stopReading()
    for (let i = 0; i < 200; i++) await get(url, '/healthz')
    await slow.resume()
    const answer = await slow.answer()
    expect([answer.cut, answer.body.length > 20_000_000]).toEqual([false, true])
  })

  it('with HEAD gets the head only', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const { job_id } = await submit(url)
    const answer: Answer = await new Caller(url, { method: 'HEAD', path: `/jobs/${job_id}/events` }).answer()
    expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([200, '', 'application/x-ndjson'])
    fake.release('middle')
  })
})
