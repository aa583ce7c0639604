// The Go client in the queue: the rows of the client matrix, images, and calls whose context is cancelled.

import { describe, expect, test } from 'vitest'
import { nameOf } from '../conformance/client-mode.ts'
import {
  DISCONNECT_POINTS,
  hasDisconnected,
  isNotSentAgain,
  SILENT,
  servesNextCaller,
  startScenarioRun,
} from '../conformance/disconnects.ts'
import { testImages } from '../conformance/images.ts'
import { testMatrix } from '../conformance/matrix.ts'
import { MODEL } from '../conformance/scenario.ts'
import { CLIENT_MODES, goClient, useGoClient } from './client-modes.ts'
import { describeWithGo } from './environment.ts'

describeWithGo('the Go client', () => {
  useGoClient()

  testMatrix('go', CLIENT_MODES)

  testImages(CLIENT_MODES, (way, asked) => goClient().tell({ ...asked, way: way.name }))

  describe.for(DISCONNECT_POINTS)('with its context cancelled $name', (moment) => {
    test('ends its job', async () => {
      const leavers = CLIENT_MODES.filter((way) => moment.appliesTo?.(way) ?? true)
      const scenarioRun = await startScenarioRun(moment.settings, leavers)
      for (const way of leavers) {
        const prompt = `of ${nameOf(way)}`
        await moment.prepare(scenarioRun)
        const call = way.begin({ url: scenarioRun.tapOf(way).url, model: MODEL, prompt })
        const hasBytes = scenarioRun.tapOf(way).until(({ answers }) => answers.some(({ body }) => body.length > 0))
        await moment.reached(scenarioRun, way, hasBytes)
        call.leave()
        // Heartbeats are an unfinished record to the client, and it returns them as the text of its error.
        const message = /^(?: +|.*context canceled)$/
        expect(await call.told, nameOf(way)).toMatchObject({ message: expect.stringMatching(message) })
        await hasDisconnected(scenarioRun, way)
        await isNotSentAgain(scenarioRun, prompt, !moment.isQueued)
        await moment.release(scenarioRun)
      }
      await servesNextCaller(scenarioRun, CLIENT_MODES)
    })
  })

  test('ends its job when its callback returns an error', async () => {
    const streams = CLIENT_MODES.filter(({ mode }) => mode === 'streamed')
    const scenarioRun = await startScenarioRun(SILENT, streams)
    scenarioRun.fake.hold('middle')
    for (const way of streams) {
      const prompt = `of ${nameOf(way)}`
      const question = { url: scenarioRun.tapOf(way).url, model: MODEL, prompt, way: way.name, pieces: 1 }
      expect(await goClient().tell(question)).toEqual({ kind: 'text', text: 'Hello' })
      await hasDisconnected(scenarioRun, way)
      await isNotSentAgain(scenarioRun, prompt, true)
    }
    scenarioRun.fake.release('middle')
    await servesNextCaller(scenarioRun, CLIENT_MODES)
  })
})
