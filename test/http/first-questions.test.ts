// Requests of clients before a chat are answered in every state of the target: idle, busy, loading, asleep. None waits for
// the queue, and all but show are answered from the last probe, without a request to the target.

import { describe, expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { type Call, call, chat, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { type Running, startForeman, until } from '../harness.ts'

const QUESTIONS: readonly (readonly [path: string, call: Call, told: string])[] = [
  ['/', { method: 'GET' }, 'Ollama is running'],
  ['/api/tags', { method: 'GET' }, 'tiny-a:latest'],
  ['/api/ps', { method: 'GET' }, '"models":['],
  ['/api/version', { method: 'GET' }, '"version":"0.17.4"'],
  ['/v1/models', { method: 'GET' }, 'tiny-a:latest'],
  ['/v1/models/tiny-a', { method: 'GET' }, 'tiny-a'],
  ['/api/show', { method: 'POST', body: { model: 'tiny-a' } }, '"details":'],
]

type Enter = (fake: FakeOllama, running: Running) => Promise<unknown>

const STATES: readonly (readonly [state: string, enter: Enter])[] = [
  ['idle', async () => undefined],
  [
    'busy, with another one waiting',
    async (fake, { url }) => {
      fake.hold('middle')
      await chat(url).hears('{')
      chat(url, 'tiny-b')
      await waiting(url, 1)
    },
  ],
  [
    'loading a model',
    async (fake, { url }) => {
      fake.hold('load')
      chat(url, 'tiny-b')
      await fake.waiting('load')
    },
  ],
  [
    'asleep, with work waiting for it',
    async (fake, { url, clock }) => {
      fake.sleep()
      await until('foreman knows', async () => {
        clock.advance(1_000)
        return (await read<StatusDocument>(url, '/status')).target.reachable === false
      })
      chat(url)
      await waiting(url, 1)
    },
  ],
]

const waiting = (url: string, count: number): Promise<unknown> =>
  until(`${count} waiting`, async () => (await read<StatusDocument>(url, '/status')).queue.waiting === count)

describe.each(STATES)('while the target is %s', (_state, enter) => {
  it('every read endpoint answers', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const { url } = running
    await until('it is probed', async () => (await read<StatusDocument>(url, '/status')).target.reachable)
    // The last answer of show is kept.
    await call(url, { path: '/api/show', body: { model: 'tiny-a' } })
    await enter(fake, running)
    for (const [path, how, told] of QUESTIONS) {
      const answer = await call(url, { path, ...how })
      expect([path, answer.status, answer.cut]).toEqual([path, 200, false])
      expect(answer.body).toContain(told)
    }
  })
})
