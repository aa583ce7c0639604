// Test of a client that times out and retries with a retry header: it keeps its queue position and has one job.

import { expect, onTestFinished, test } from 'vitest'
import type { JobListDocument } from '../../../src/protocol/wire.ts'
import { allSettled } from './all-settled.ts'
import { type ClientMode, type ClientRequest, type ClientResult, nameOf } from './client-mode.ts'
import { MODEL, RIGHT } from './scenario.ts'
import { ScenarioRun } from './scenario-run.ts'

/** How long a client waits for the head of an answer; long enough for the answer once the queue resumes. */
const CLIENT_TIMEOUT_MS = 5_000

export interface RetryingClient extends ClientMode {
  /** Calls with this timeout and otherwise with its default settings. */
  readonly callWithTimeout: (
    asked: ClientRequest & { readonly prompt: string },
    patienceMs: number,
  ) => Promise<ClientResult>
}

/** Each client has its own foreman: the third try of one may take longer than the timeout of another. */
async function timesOutTwice(way: RetryingClient): Promise<void> {
  // Without heartbeats, because with them no client would time out.
  const scenarioRun = await ScenarioRun.start({ FOREMAN_HEARTBEAT: '0' }, [way])
  onTestFinished(() => scenarioRun.stop())
  await scenarioRun.pause()
  const tap = scenarioRun.tapOf(way)
  const asking = way.callWithTimeout({ url: tap.url, model: MODEL, prompt: 'hi' }, CLIENT_TIMEOUT_MS)
  const isLast = ({ asked }: { readonly asked: string }) => /x-stainless-retry-count: 2\r\n/i.test(asked)
  await Promise.race([tap.until(isLast), asking])
  // At once, because the timeout of the third try is running. Whether or not that try has replaced the second one, the queue has one job.
  await scenarioRun.resume()
  expect(await asking, nameOf(way)).toEqual({ kind: 'text', text: RIGHT })
  expect([tap.requests, scenarioRun.fake.workers.length], nameOf(way)).toEqual([3, 1])
  const list = await fetch(`${scenarioRun.foreman.url}/jobs`)
  const { jobs } = (await list.json()) as JobListDocument
  expect(jobs.map(({ state }) => state)).toEqual(['done'])
}

/** Declares the test for clients that count their retries in a header. */
export function testRetries(ways: readonly RetryingClient[]): void {
  test('a client that times out twice and marks its retries has one job', async () => {
    expect(ways.length).toBeGreaterThan(0)
    await allSettled(ways.map(timesOutTwice))
  })
}
