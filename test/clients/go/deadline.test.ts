// Deadlines of the Go client that end while the job waits, as in a program that reviews pull requests: which ones a
// heartbeat answers, what becomes of the job, and how the next call takes its place.

import { expect, onTestFinished, test } from 'vitest'
import type { JobListDocument } from '../../../src/protocol/wire.ts'
import { MODEL, RIGHT } from '../conformance/scenario.ts'
import { ScenarioRun } from '../conformance/scenario-run.ts'
import { CLIENT_MODES, goClient, useGoClient } from './client-modes.ts'
import { describeWithGo } from './environment.ts'

/** Seconds: long enough for a request to reach the queue on a busy machine. */
const DEADLINE_S = 4
/** Longer than a place is kept for a caller who hung up (ORPHAN_MS in orphans.ts). */
const ORPHAN_MS = 10_000

const [STREAMED = expect.fail('no way')] = CLIENT_MODES

async function setStage(settings: Readonly<Record<string, string>>, isStepped = false): Promise<ScenarioRun> {
  const scenarioRun = await ScenarioRun.start(settings, CLIENT_MODES, isStepped)
  onTestFinished(() => scenarioRun.stop())
  await scenarioRun.pause()
  return scenarioRun
}

async function jobsOf({ foreman }: ScenarioRun): Promise<readonly (readonly [state: string, code: string | null])[]> {
  const { jobs } = (await (await fetch(`${foreman.url}/jobs`)).json()) as JobListDocument
  return jobs.map(({ state, error }) => [state, error?.code ?? null])
}

describeWithGo('the Go client', () => {
  useGoClient()

  test('with a deadline that ends in the queue has its job cancelled as caller_gone', async () => {
    const scenarioRun = await setStage({ FOREMAN_HEARTBEAT: '0' }, true)
    const told = await goClient().tell({
      ...{ url: scenarioRun.tapOf(STREAMED).url, model: MODEL, way: STREAMED.name, patience: DEADLINE_S },
    })
    expect(told).toMatchObject({ kind: 'error', message: expect.stringContaining('context deadline exceeded') })
    await scenarioRun.foreman.shows('no caller', ({ counters }) => counters.callers === 0)
    expect(await jobsOf(scenarioRun)).toEqual([['queued', null]])
    await scenarioRun.advance(ORPHAN_MS)
    expect(await jobsOf(scenarioRun)).toEqual([['cancelled', 'caller_gone']])
    await scenarioRun.resume()
    expect(scenarioRun.fake.workers).toEqual([])
  })

  test('that calls again with the same Idempotency-Key keeps its queue position and has one job', async () => {
    const scenarioRun = await setStage({ FOREMAN_HEARTBEAT: '0' }, true)
    const question = {
      ...{ url: scenarioRun.tapOf(STREAMED).url, model: MODEL, way: STREAMED.name },
      headers: { 'Idempotency-Key': 'review-1' },
    }
    const first = await goClient().tell({ ...question, patience: DEADLINE_S })
    expect(first).toMatchObject({ kind: 'error' })
    const again = goClient().tell(question)
    await scenarioRun.foreman.shows('the retry waiting', ({ counters }) => counters.callers === 1)
    await scenarioRun.resume()
    expect(await again).toEqual({ kind: 'text', text: RIGHT })
    expect(await jobsOf(scenarioRun)).toEqual([['done', null]])
    expect(scenarioRun.fake.workers.length).toBe(1)
  })

  test('with http.Client.Timeout gives up despite heartbeats', async () => {
    const scenarioRun = await setStage({ FOREMAN_HEARTBEAT: '100ms' })
    const told = await goClient().tell({
      ...{ url: scenarioRun.tapOf(STREAMED).url, model: MODEL, way: STREAMED.name, clientTimeout: DEADLINE_S },
    })
    // The text is the unfinished record, which is all heartbeats so far, or the timeout's own.
    expect(told).toMatchObject({ kind: 'error', message: expect.stringMatching(/^(?: +|.*Client\.Timeout.*)$/) })
    expect(scenarioRun.tapOf(STREAMED).answers[0]?.beats).toBeGreaterThan(2)
  })

  test('with ResponseHeaderTimeout waits longer than that, because the heartbeat sends the headers', async () => {
    const scenarioRun = await setStage({ FOREMAN_HEARTBEAT: '100ms' })
    const asking = goClient().tell({
      ...{ url: scenarioRun.tapOf(STREAMED).url, model: MODEL, way: STREAMED.name, headerTimeout: DEADLINE_S },
    })
    // As many heartbeats as are sent in longer than the timeout.
    const hasWaited = scenarioRun
      .tapOf(STREAMED)
      .until(({ answers }) => answers.some(({ beats }) => beats > DEADLINE_S * 10))
    await Promise.race([hasWaited, asking])
    await scenarioRun.resume()
    expect(await asking).toEqual({ kind: 'text', text: RIGHT })
  })
})
