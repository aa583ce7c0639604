// Heartbeats inside a stream that falls silent: between two records only, in the form of the surface.

import { describe, expect, it } from 'vitest'
import { Caller, chat } from '../caller.ts'
import { FakeOllama, says } from '../fake-ollama.ts'
import { passTime, startForeman } from '../harness.ts'

const HEARTBEAT_MS = 10_000
const SURFACES: readonly (readonly [path: string, more: object, beat: string])[] = [
  ['/api/chat', { messages: [{ role: 'user', content: 'x' }] }, ' '],
  ['/api/generate', { prompt: 'x' }, ' '],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }, ': waiting\n\n'],
  [
    '/v1/messages',
    { messages: [{ role: 'user', content: 'x' }], max_tokens: 9 },
    'event: ping\ndata: {"type":"ping"}\n\n',
  ],
  ['/v1/responses', { input: 'x' }, ': waiting\n\n'],
]

describe('a stream without bytes for a heartbeat interval', () => {
  it.each(SURFACES)('gets a heartbeat between two records on %s and stays readable', async (path, more, beat) => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on(path, says('one', 'two')).hold('middle')
    const caller = new Caller(running.url, { path, body: { model: 'tiny-a', stream: true, ...more } })
    await fake.waiting('middle')
    const before = await caller.hears((body) => body.endsWith('\n'))
    await passTime(running, fake, HEARTBEAT_MS)
    await caller.hears((body) => body === before + beat)
    await passTime(running, fake, HEARTBEAT_MS)
    await caller.hears((body) => body === before + beat + beat)
    fake.release('middle')
    const { body, cut, headers } = await caller.answer()
    expect([cut, headers['x-accel-buffering']]).toEqual([false, 'no'])
    expect(body.replace(beat + beat, '')).not.toContain(beat === ' ' ? '\n ' : beat)
    if (beat === ' ') for (const line of body.trim().split('\n')) JSON.parse(line)
  })

  it('gets no heartbeat inside a record', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', { ending: 'stall', after: 1, midRecord: true })
    const caller = chat(running.url)
    const before = await caller.hears((body) => body.includes('\n{'))
    await passTime(running, fake, 3 * HEARTBEAT_MS - 1)
    expect(caller.heard).toBe(before)
    caller.hangUp()
  })

  it('gets no heartbeat after its last record, because a client would read an empty line', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 1_000 } })
    fake.on('/api/chat', { ending: 'stall', after: 1_000 })
    const caller = chat(running.url)
    const whole = await caller.hears('"done":true')
    await passTime(running, fake, 5_000)
    expect(await caller.answer()).toMatchObject({ body: whole, cut: false })
  })

  it('gets no heartbeat with FOREMAN_HEARTBEAT=0', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0 } })
    fake.hold('middle')
    const caller = chat(running.url)
    await fake.waiting('middle')
    const before = await caller.hears('\n')
    await passTime(running, fake, 60_000)
    expect(caller.heard).toBe(before)
    fake.release('middle')
    expect((await caller.answer()).headers['x-accel-buffering']).toBe('no')
  })
})
