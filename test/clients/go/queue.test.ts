// The Go client in the queue: the rows of the client matrix, images, and calls whose context is cancelled.

import { describe, expect, test } from 'vitest'
import { costsNothingMore, isGone, MOMENTS, SILENT, servesTheNext, setStage } from '../conformance/leaving.ts'
import { testMatrix } from '../conformance/matrix.ts'
import { testPictures } from '../conformance/pictures.ts'
import { MODEL } from '../conformance/scenario.ts'
import { nameOf } from '../conformance/way.ts'
import { describeWithGo } from './environment.ts'
import { goClient, useGoClient, WAYS } from './ways.ts'

describeWithGo('the Go client', () => {
  useGoClient()

  testMatrix('go', WAYS)

  testPictures(WAYS, (way, asked) => goClient().tell({ ...asked, way: way.name }))

  describe.for(MOMENTS)('whose context is cancelled $name', (moment) => {
    test('ends its job', async () => {
      const leavers = WAYS.filter((way) => moment.happensTo?.(way) ?? true)
      const stage = await setStage(moment.settings, leavers)
      for (const way of leavers) {
        const prompt = `of ${nameOf(way)}`
        await moment.prepare(stage)
        const call = way.begin({ url: stage.tapOf(way).url, model: MODEL, prompt })
        const hasBytes = stage.tapOf(way).until(({ answers }) => answers.some(({ body }) => body.length > 0))
        await moment.come(stage, way, hasBytes)
        call.leave()
        // Heartbeats are an unfinished record to the client, and it returns them as the text of its error.
        const message = /^(?: +|.*context canceled)$/
        expect(await call.told, nameOf(way)).toMatchObject({ message: expect.stringMatching(message) })
        await isGone(stage, way)
        await costsNothingMore(stage, prompt, !moment.isQueued)
        await moment.release(stage)
      }
      await servesTheNext(stage, WAYS)
    })
  })

  test('whose callback returns an error ends its job', async () => {
    const streams = WAYS.filter(({ mode }) => mode === 'streamed')
    const stage = await setStage(SILENT, streams)
    stage.fake.hold('middle')
    for (const way of streams) {
      const prompt = `of ${nameOf(way)}`
      const question = { url: stage.tapOf(way).url, model: MODEL, prompt, way: way.name, pieces: 1 }
      expect(await goClient().tell(question)).toEqual({ kind: 'text', text: 'Hello' })
      await isGone(stage, way)
      await costsNothingMore(stage, prompt, true)
    }
    stage.fake.release('middle')
    await servesTheNext(stage, WAYS)
  })
})
