// A caller that hangs up and retries at once keeps its position, however slowly the disk saves the disconnect.

import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import type { Submission } from '../../src/daemon/domain/job.ts'
import { UNKNOWN_TARGET } from '../../src/daemon/domain/target-status.ts'
import { LiveCallers, type LiveCallersParts } from '../../src/daemon/http/ollama/live.ts'
import { AwakeClock } from '../../src/daemon/runtime/clock.ts'
import { Metrics } from '../../src/daemon/runtime/metrics.ts'
import { Relay } from '../../src/daemon/runtime/relay.ts'
import { configFor } from '../harness.ts'
import { TestClock } from '../test-clock.ts'

const chat: Submission = {
  ...{ endpoint: '/api/chat', model: 'tiny-a', affinity: 'tiny-a:latest', stream: true, loadOnly: false },
  ...{ contentType: null, contentEncoding: null, body: Uint8Array.from(Buffer.from('{"model":"tiny-a"}')) },
}

/** Callers in front of a store that saves a disconnect only when the test lets it. */
function callersWithSlowDisk() {
  const enqueued: string[] = []
  const adopted: string[] = []
  const written = Promise.withResolvers<boolean>()
  const clock = new TestClock()
  const store = {
    enqueue: async ({ id }: { id: string }) => {
      enqueued.push(id)
      return { kind: 'enqueued' }
    },
    orphan: () => written.promise,
    adopt: async (id: string) => {
      adopted.push(id)
      return true
    },
  }
  const callers = new LiveCallers({
    ...{ clock, store, metrics: new Metrics(), relay: new Relay(), awake: new AwakeClock(clock) },
    config: configFor('http://127.0.0.1:11434', 'foreman.db'),
    newId: () => `job ${enqueued.length + 1}`,
    dispatcher: { wake: () => undefined, stopRunning: () => 'not_running' },
    prober: { status: UNKNOWN_TARGET, onStatus: () => undefined },
    disk: { full: false },
  } as unknown as LiveCallersParts)
  const call = (headers: Record<string, string>) => {
    const req = new IncomingMessage(new Socket())
    req.headers = headers
    const res = new ServerResponse(req)
    return { res, handled: callers.handle(req, res, chat, 'the same') }
  }
  return { call, enqueued, adopted, written }
}

it.each([
  ['an Idempotency-Key', { 'idempotency-key': 'k1' }],
  ['a retry count', { 'x-stainless-retry-count': '1' }],
])('a retry by %s takes the queue position before the disconnect is saved', async (_name, headers) => {
  const { call, enqueued, adopted, written } = callersWithSlowDisk()
  const first = call(headers)
  await first.handled
  first.res.emit('close')
  const retry = call(headers)
  written.resolve(true)
  await retry.handled
  expect({ enqueued, adopted }).toEqual({ enqueued: ['job 1'], adopted: ['job 1'] })
})
