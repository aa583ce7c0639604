// A client that gives up, asks again and says so has one job, not three: it keeps its place and gets its answer.

import { expect, onTestFinished, test } from 'vitest'
import type { JobListDocument } from '../../../src/protocol/wire.ts'
import { MODEL, RIGHT } from '../conformance/scenario.ts'
import { Stage } from '../conformance/stage.ts'
import { nameOf } from '../conformance/way.ts'
import { WAYS } from './ways.ts'

/** Those that count their retries in a header. */
const SAYING = WAYS.filter(({ client }) => client === 'openai' || client === 'anthropic')

/** How long a client waits for the head of an answer; long enough for the answer once the queue goes on. */
const PATIENCE_MS = 3_000

test('a client that gave up twice and says so has one job', async () => {
  // Silence: with heartbeats nobody would give up.
  const stage = await Stage.set({ FOREMAN_HEARTBEAT: '0' }, SAYING)
  onTestFinished(() => stage.strike())
  await stage.pause()
  const asking = SAYING.map((way) =>
    way.ask({ url: stage.tapOf(way).url, model: MODEL, prompt: nameOf(way), timeoutMs: PATIENCE_MS }),
  )
  const isLast = ({ asked }: { readonly asked: string }) => /x-stainless-retry-count: 2\r\n/i.test(asked)
  await Promise.race([Promise.all(SAYING.map((way) => stage.tapOf(way).until(isLast))), ...asking])
  await stage.foreman.shows('all of them waiting', ({ counters }) => counters.callers === SAYING.length)
  await stage.resume()
  expect(await Promise.all(asking)).toEqual(SAYING.map(() => RIGHT))
  expect(SAYING.map((way) => stage.tapOf(way).requests)).toEqual(SAYING.map(() => 3))
  expect(stage.fake.workers.length).toBe(SAYING.length)
  const list = await fetch(`${stage.foreman.url}/jobs`)
  const { jobs } = (await list.json()) as JobListDocument
  expect(jobs.map(({ state }) => state)).toEqual(SAYING.map(() => 'done'))
})
