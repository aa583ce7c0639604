// Fake Ollama with the target module connected to it; both are stopped after the test.

import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { createTarget, type TargetOptions } from '../../src/daemon/ollama/send.ts'
import type { Exchange, Target, TargetRequest } from '../../src/daemon/ollama/target.ts'
import { FakeOllama, type FakeOptions } from '../fake-ollama.ts'
import { TestClock } from '../test-clock.ts'
import { CollectingSink } from './collecting-sink.ts'

/** The default clock does not run, so that no request times out because the machine is slow. */
export function targetAt(url: string, options: Partial<TargetOptions> = {}): Target {
  const log = pino({ level: 'silent' })
  const target = createTarget({
    url,
    token: null,
    clock: new TestClock(),
    log,
    embedConcurrency: 8,
    hop: 'hop',
    ...options,
  })
  onTestFinished(() => target.close())
  return target
}

export async function fakeAndTarget(
  fakeOptions: FakeOptions = {},
  options: Partial<TargetOptions> = {},
): Promise<{ fake: FakeOllama; target: Target }> {
  const fake = await FakeOllama.start(fakeOptions)
  onTestFinished(() => fake.stop())
  return { fake, target: targetAt(fake.url, options) }
}

export const jsonRequest = (path: string, content: object, headers: Record<string, string> = {}): TargetRequest => ({
  method: 'POST',
  path,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify(content)),
})

export const chat = (model = 'tiny-a'): TargetRequest =>
  jsonRequest('/api/chat', { model, messages: [{ role: 'user', content: 'hi' }] })

export interface SentJob {
  readonly sink: CollectingSink
  readonly exchange: Exchange
}

export function sendJob(target: Target, request: TargetRequest = chat(), sink = new CollectingSink()): SentJob {
  return { sink, exchange: target.sendJob(request, sink) }
}

export function sendDirect(target: Target, request: TargetRequest, sink = new CollectingSink()): SentJob {
  return { sink, exchange: target.sendDirect(request, sink) }
}
