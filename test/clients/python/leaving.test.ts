// A Python program that leaves: a task that is cancelled, a loop that is left, a process that is killed. Each closes the
// line, so the job is over at once and costs the target nothing more.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { costsNothingMore, isGone, MOMENTS, SILENT, servesTheNext, setStage } from '../conformance/leaving.ts'
import { MODEL } from '../conformance/scenario.ts'
import type { Stage } from '../conformance/stage.ts'
import { nameOf } from '../conformance/way.ts'
import { askerOf, startAsker, startAskers, stopAskers } from './asker.ts'
import { describeWithPython, FIRST_INSTALL_MS, makePython } from './environment.ts'
import { type PythonWay, WAYS } from './ways.ts'

async function hasLeft(stage: Stage, way: PythonWay, prompt: string, wasAsked: boolean): Promise<void> {
  await isGone(stage, way)
  await costsNothingMore(stage, prompt, wasAsked)
}

describeWithPython('with Python', () => {
  beforeAll(startAskers, FIRST_INSTALL_MS)
  afterAll(stopAskers)

  describe.for(MOMENTS)('a task that is cancelled $name', (moment) => {
    test('takes its job along', async () => {
      const leavers = WAYS.filter((way) => moment.happensTo?.(way) ?? true)
      const stage = await setStage(moment.settings, leavers)
      for (const way of leavers) {
        const prompt = `of ${nameOf(way)}`
        await moment.prepare(stage)
        const asking = way.begin({ url: stage.tapOf(way).url, model: MODEL, prompt })
        // A task shows its text at its end only.
        const begun = stage.tapOf(way).until(({ answers }) => answers.some(({ body }) => body.length > 0))
        await moment.come(stage, way, begun)
        asking.leave()
        expect(await asking.told, nameOf(way)).toMatchObject({ type: 'CancelledError' })
        await hasLeft(stage, way, prompt, !moment.isQueued)
        await moment.release(stage)
      }
      await servesTheNext(stage, WAYS)
    })
  })

  test('a loop over a stream that is left takes its job along', async () => {
    // LlamaIndex gives a piece away only when the next one has come.
    const streams = WAYS.filter(({ mode, module }) => mode === 'streamed' && module !== 'llama_index_py')
    const stage = await setStage(SILENT, streams)
    stage.fake.hold('middle')
    for (const way of streams) {
      const prompt = `of ${nameOf(way)}`
      const question = { url: stage.tapOf(way).url, model: MODEL, prompt, way: way.name, pieces: 1 }
      const told = await askerOf(way.module).tell(question)
      // An Anthropic stream begins with a record without text.
      expect(told).toEqual({ kind: 'text', text: way.module === 'anthropic_py' ? '' : 'Hello' })
      await hasLeft(stage, way, prompt, true)
    }
    stage.fake.release('middle')
    await servesTheNext(stage, WAYS)
  })

  test('a process that is killed takes its job along', async () => {
    const [way = expect.fail('nobody')] = WAYS
    const stage = await setStage(SILENT, [way])
    const doomed = await startAsker(await makePython(), way.module)
    onTestFinished(() => doomed.stop())
    stage.fake.hold('middle')
    const told = doomed.tell({ url: stage.tapOf(way).url, model: MODEL, prompt: 'of the doomed', way: way.name })
    await Promise.race([stage.fake.waiting('middle'), told])
    doomed.kill()
    await expect(told).rejects.toThrow('it ended')
    await hasLeft(stage, way, 'of the doomed', true)
    stage.fake.release('middle')
    await servesTheNext(stage, WAYS)
  })
})
