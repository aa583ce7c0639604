// A program that aborts: where its client closes the line, its job is over at once and costs the target nothing more; where
// the client keeps the line open without a word, foreman can't know, and the queue goes on all the same.

import { describe, test } from 'vitest'
import {
  costsNothingMore,
  isGone,
  isServed,
  MOMENTS,
  type Moment,
  SILENT,
  servesTheNext,
  setStage,
} from '../conformance/leaving.ts'
import { MODEL } from '../conformance/scenario.ts'
import type { Stage } from '../conformance/stage.ts'
import { nameOf } from '../conformance/way.ts'
import { toldOf } from './told.ts'
import { type JavaScriptWay, WAYS } from './ways.ts'

/** Whose abort does not reach the line at once, or never does (measured with ollama 0.6.4, @langchain/ollama 1.3.0). */
function stays({ client, mode }: JavaScriptWay, moment: Moment): boolean {
  if (client === 'langchain-js' || client === 'ai-sdk-ollama') return true
  if (client !== 'ollama-js') return false
  // `abort()` ends the streams that it knows: those whose answer has begun.
  return mode === 'whole' || moment.settings === SILENT ? moment.name !== 'in the middle of a stream' : false
}

async function leave(stage: Stage, way: JavaScriptWay, moment: Moment): Promise<void> {
  const tap = stage.tapOf(way)
  const leaving = new AbortController()
  const prompt = nameOf(way)
  await moment.prepare(stage)
  const { promise: hasText, resolve: onText } = Promise.withResolvers<string>()
  const told = toldOf(way.ask({ url: tap.url, model: MODEL, prompt, signal: leaving.signal, onText }))
  await moment.come(stage, way, hasText)
  leaving.abort()
  if (!stays(way, moment)) {
    await isGone(stage, way)
    await told
  }
  await moment.release(stage)
  await told
  await isServed(stage)
  if (!stays(way, moment)) await costsNothingMore(stage, prompt, !moment.isQueued)
}

describe.for(MOMENTS)('who leaves $name', (moment) => {
  const leavers = WAYS.filter((way) => moment.happensTo?.(way) ?? true)

  test('takes the job along where his client closes the line, and holds nobody up where it does not', async () => {
    const stage = await setStage(moment.settings, leavers)
    for (const way of leavers) await leave(stage, way, moment)
    await servesTheNext(stage, leavers)
  })
})
