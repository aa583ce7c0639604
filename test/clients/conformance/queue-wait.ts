// Test of a long wait: all client modes wait in one paused queue, longer than clients wait without foreman, and then get their
// answers. They wait at the same time, so the test takes that time once.

import { expect, onTestFinished, test } from 'vitest'
import { type ClientMode, nameOf } from './client-mode.ts'
import { MODEL, RIGHT } from './scenario.ts'
import { ScenarioRun } from './scenario-run.ts'

/** Default of FOREMAN_HEARTBEAT. */
const HEARTBEAT_S = 10

/** Some give up after 30 s of silence (LlamaIndex), some after 300 s (all that use Node's fetch). */
const WAIT_SECONDS = process.env['FOREMAN_LONG_WAIT'] === '1' ? [40, 400] : [40]

/** Declares the test for these client modes. */
export function testQueueWait(ways: readonly ClientMode[]): void {
  test.for(WAIT_SECONDS)(
    'waits %i s in the queue and gets the right text with one request',
    { timeout: 600_000 },
    async (seconds) => {
      const scenarioRun = await ScenarioRun.start({}, ways)
      onTestFinished(() => scenarioRun.stop())
      await scenarioRun.pause()
      const startedAt = performance.now()
      const asking = ways.map(async (way) => {
        const tap = scenarioRun.tapOf(way)
        const told = await way.call({ url: tap.url, model: MODEL })
        return [
          nameOf(way),
          { told, sent: tap.requests, hasWaited: performance.now() - startedAt >= seconds * 1000 },
        ] as const
      })
      const answers = Promise.all(asking)
      // If a client gives up, the test need not wait any longer.
      await Promise.race([scenarioRun.allHaveHeartbeats(seconds / HEARTBEAT_S), ...asking])
      await scenarioRun.resume()
      const right = { told: { kind: 'text', text: RIGHT }, sent: 1, hasWaited: true }
      expect(Object.fromEntries(await answers)).toEqual(Object.fromEntries(ways.map((way) => [nameOf(way), right])))
      expect(scenarioRun.fake.workers.length).toBe(ways.length)
    },
  )
}
