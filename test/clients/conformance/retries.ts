// Owns the test of a client that gives up, asks again and says so: it keeps its place in the queue, and has one job.

import { expect, onTestFinished, test } from 'vitest'
import type { JobListDocument } from '../../../src/protocol/wire.ts'
import { MODEL, RIGHT } from './scenario.ts'
import { settled } from './settling.ts'
import { Stage } from './stage.ts'
import { type Asked, nameOf, type Told, type Way } from './way.ts'

/** How long a client waits for the head of an answer; long enough for the answer once the queue goes on. */
const PATIENCE_MS = 5_000

export interface Impatient extends Way {
  /** With so much patience, and otherwise with its own defaults. */
  readonly tellSoon: (asked: Asked & { readonly prompt: string }, patienceMs: number) => Promise<Told>
}

/** A foreman for each: what one takes for its third try may be longer than another's patience. */
async function givesUpTwice(way: Impatient): Promise<void> {
  // Silence: with heartbeats nobody would give up.
  const stage = await Stage.set({ FOREMAN_HEARTBEAT: '0' }, [way])
  onTestFinished(() => stage.strike())
  await stage.pause()
  const tap = stage.tapOf(way)
  const asking = way.tellSoon({ url: tap.url, model: MODEL, prompt: 'hi' }, PATIENCE_MS)
  const isLast = ({ asked }: { readonly asked: string }) => /x-stainless-retry-count: 2\r\n/i.test(asked)
  await Promise.race([tap.until(isLast), asking])
  // At once, for his patience runs: whether his third try has taken its place by now or not, the queue has one job.
  await stage.resume()
  expect(await asking, nameOf(way)).toEqual({ kind: 'text', text: RIGHT })
  expect([tap.requests, stage.fake.workers.length], nameOf(way)).toEqual([3, 1])
  const list = await fetch(`${stage.foreman.url}/jobs`)
  const { jobs } = (await list.json()) as JobListDocument
  expect(jobs.map(({ state }) => state)).toEqual(['done'])
}

/** Declares the test of these, who count their retries in a header. */
export function testRetries(ways: readonly Impatient[]): void {
  test('a client that gave up twice and says so has one job', async () => {
    expect(ways.length).toBeGreaterThan(0)
    await settled(ways.map(givesUpTwice))
  })
}
