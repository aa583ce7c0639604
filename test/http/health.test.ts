// Foreman's own routes: how it is, what it does, and pause.

import { describe, expect, test } from 'vitest'
import { VERSION } from '../../src/protocol/version.ts'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { job } from '../domain/job-example.ts'
import { knownTarget, startHttpHarness } from './http-harness.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

async function startServer() {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target)
  harness.status = knownTarget(0)
  return { target, harness }
}

const json = async (url: string, init: RequestInit = {}): Promise<unknown> => (await fetch(url, init)).json()

describe('GET /healthz', () => {
  test('is 200 with exactly these bytes', async () => {
    const { harness } = await startServer()
    const answer = await fetch(`${harness.url}/healthz`)
    expect([answer.status, await answer.text()]).toEqual([200, '{"status":"ok","degraded":false}'])
  })

  test.each(['ready', 'starting', 'stopping'] as const)(
    'is 200 while the target is unreachable and foreman is %s',
    async (phase) => {
      const { harness } = await startServer()
      harness.status = knownTarget(0, { reachable: false })
      harness.phase = phase
      const answer = await fetch(`${harness.url}/healthz`)
      expect([answer.status, await answer.text()]).toEqual([200, '{"status":"ok","degraded":true}'])
    },
  )

  test('is not degraded before the first probe', async () => {
    const { harness } = await startServer()
    harness.status = { reachable: null, since: 0, reason: null, inventory: null }
    expect(await json(`${harness.url}/healthz`)).toEqual({ status: 'ok', degraded: false })
  })
})

test.each([
  ['starting', 503],
  ['ready', 200],
  ['stopping', 503],
] as const)('GET /readyz while %s is %i', async (phase, status) => {
  const { harness } = await startServer()
  harness.phase = phase
  expect((await fetch(`${harness.url}/readyz`)).status).toBe(status)
})

describe('GET /status', () => {
  test('shows everything that is known', async () => {
    const { harness } = await startServer()
    harness.clock.advance(30_000)
    const now = harness.clock.now()
    harness.backlog = [
      { model: 'tiny-a', jobs: 2, oldestAt: now - 90_000 },
      { model: 'tiny-b', jobs: 1, oldestAt: now - 250_000 },
    ]
    harness.running = {
      job: job({ id: 'J', model: 'tiny-a', claimedAt: now - 4_000, state: 'working', attempt: 2 }),
      bytes: 77,
      silentMs: 12.6,
    }
    expect(await json(`${harness.url}/status`)).toEqual({
      version: VERSION,
      phase: 'ready',
      paused: false,
      pause: { paused: false, since: null, until: null, unload: null },
      degraded: false,
      target: {
        url: harness.app.config.ollamaUrl,
        reachable: true,
        reason: null,
        version: '0.17.4',
        probed_at: '2026-01-06T12:00:00.000Z',
        resident: [
          {
            model: 'tiny-a:latest',
            size: 1511680,
            size_vram: 0,
            context_length: 2048,
            expires_at: '2026-11-21T03:18:53.925897528Z',
          },
        ],
        slots_too_few: false,
      },
      running: {
        job_id: 'J',
        model: 'tiny-a',
        endpoint: '/api/chat',
        state: 'working',
        attempt: 2,
        caller: 'live',
        running_ms: 4_000,
        silent_ms: 13,
        bytes: 77,
      },
      queue: {
        waiting: 3,
        bytes: 300,
        by_model: [
          { model: 'tiny-a', waiting: 2, oldest_wait_ms: 90_000, waiting_for: null },
          { model: 'tiny-b', waiting: 1, oldest_wait_ms: 250_000, waiting_for: null },
        ],
        oldest_wait_ms: 250_000,
      },
      drain: { affinity: null, swapped_at: null, drained_ms: 0, limit_ms: 0, turns_to: null, turns_at: null },
      counters: {
        callers: 4,
        jobs: { queued: 3, loading: 0, working: 1, done: 9, failed: 1, cancelled: 0 },
        swaps: 2,
        swaps_saved: 5,
        loads: { predicted: 3, happened: 4, unforeseen: 1 },
      },
    } satisfies StatusDocument)
  })

  test('shows null for everything unknown', async () => {
    const { harness } = await startServer()
    harness.status = { reachable: false, since: 0, reason: 'connect ECONNREFUSED', inventory: null }
    const status = (await json(`${harness.url}/status`)) as StatusDocument
    expect(status.degraded).toBe(true)
    expect(status.target).toMatchObject({
      reachable: false,
      reason: 'connect ECONNREFUSED',
      version: null,
      probed_at: null,
      resident: [],
    })
    expect(status.running).toBeNull()
    expect(status.queue.oldest_wait_ms).toBeNull()
  })

  test('has no negative times after the wall clock was set back', async () => {
    const { harness } = await startServer()
    harness.backlog = [{ model: 'tiny-a', jobs: 1, oldestAt: harness.clock.now() + 3_600_000 }]
    const status = (await json(`${harness.url}/status`)) as StatusDocument
    expect(status.queue.oldest_wait_ms).toBe(0)
  })
})

test('POST /pause and /resume return the new state and may be repeated', async () => {
  const { harness } = await startServer()
  const states = []
  for (const path of ['/pause', '/pause', '/resume', '/resume'])
    states.push(await json(harness.url + path, { method: 'POST' }))
  const paused = { paused: true, since: '2026-01-06T12:00:00.000Z', until: null, unload: null }
  const running = { paused: false, since: null, until: null, unload: null }
  expect(states).toEqual([paused, paused, running, running])
})

test.each([
  ['[]', 'the body of /pause must be a JSON object such as {"unload": true, "for": "2h"}, or empty'],
  ['{"unload":', 'the body of /pause must be a JSON object such as {"unload": true, "for": "2h"}, or empty'],
  ['{"unlaod":true}', 'unknown key "unlaod" (did you mean "unload"?): allowed are unload and for'],
  ['{"until":"22:00"}', 'unknown key "until": allowed are unload and for'],
  ['{"unload":"yes"}', 'unload is "yes": it must be true or false'],
  ['{"unload":1}', 'unload is 1: it must be true or false'],
  ['{"for":7200}', 'for is 7200: it must be a duration from 1s to 576h, as a text such as "30m" or "2h"'],
  [
    '{"for":"2"}',
    'for is "2", which has no unit (did you mean 2s?): it must be a duration from 1s to 576h, as a text such as "30m" or "2h"',
  ],
  [
    '{"for":"0s"}',
    'for is "0s", which is too short: it must be a duration from 1s to 576h, as a text such as "30m" or "2h"',
  ],
  [`{"for":"2h"}${' '.repeat(20_000)}`, 'the body of /pause is larger than 16 KiB'],
])('POST /pause rejects the body %.40s', async (body, error) => {
  const { harness } = await startServer()
  const answer = await fetch(`${harness.url}/pause`, { method: 'POST', body })
  expect([answer.status, await answer.json()]).toEqual([400, { error, code: 'bad_request' }])
  expect(harness.app.dispatcher.paused).toBe(false)
})
