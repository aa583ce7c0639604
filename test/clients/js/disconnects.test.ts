// Tests of JavaScript programs that abort. If the client closes the connection, the job ends at once and the target does no more work.
// If the client keeps the connection open, foreman cannot know, and the queue goes on.

import { describe, test } from 'vitest'
import { nameOf } from '../conformance/client-mode.ts'
import {
  DISCONNECT_POINTS,
  type DisconnectPoint,
  hasDisconnected,
  isIdle,
  isNotSentAgain,
  SILENT,
  servesNextCaller,
  startScenarioRun,
} from '../conformance/disconnects.ts'
import { MODEL } from '../conformance/scenario.ts'
import type { ScenarioRun } from '../conformance/scenario-run.ts'
import { CLIENT_MODES, type JavaScriptClientMode } from './client-modes.ts'
import { resultOf } from './client-result.ts'

/** Whether the client keeps the connection open after an abort, at least for a while (measured with ollama 0.6.4, @langchain/ollama 1.3.0). */
function stays({ client, mode }: JavaScriptClientMode, moment: DisconnectPoint): boolean {
  if (client === 'langchain-js' || client === 'ai-sdk-ollama') return true
  if (client !== 'ollama-js') return false
  // `abort()` ends only streams whose answer has begun.
  return mode === 'whole' || moment.settings === SILENT ? moment.name !== 'in the middle of a stream' : false
}

async function leave(scenarioRun: ScenarioRun, way: JavaScriptClientMode, moment: DisconnectPoint): Promise<void> {
  const tap = scenarioRun.tapOf(way)
  const leaving = new AbortController()
  const prompt = nameOf(way)
  await moment.prepare(scenarioRun)
  const { promise: hasText, resolve: onText } = Promise.withResolvers<string>()
  const told = resultOf(way.ask({ url: tap.url, model: MODEL, prompt, signal: leaving.signal, onText }))
  await moment.reached(scenarioRun, way, hasText)
  leaving.abort()
  if (!stays(way, moment)) {
    await hasDisconnected(scenarioRun, way)
    await told
  }
  await moment.release(scenarioRun)
  await told
  await isIdle(scenarioRun)
  if (!stays(way, moment)) await isNotSentAgain(scenarioRun, prompt, !moment.isQueued)
}

describe.for(DISCONNECT_POINTS)('a program that aborts $name', (moment) => {
  const leavers = CLIENT_MODES.filter((way) => moment.appliesTo?.(way) ?? true)

  test('ends its job if its client closes the connection, and delays no other job if not', async () => {
    const scenarioRun = await startScenarioRun(moment.settings, leavers)
    for (const way of leavers) await leave(scenarioRun, way, moment)
    await servesNextCaller(scenarioRun, leavers)
  })
})
