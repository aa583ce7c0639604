// A Python program that leaves: a task that is cancelled, a loop that is left, a process that is killed. Each closes the
// line, so the job is over at once and costs the target nothing more.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { nameOf } from '../conformance/client-mode.ts'
import {
  DISCONNECT_POINTS,
  hasDisconnected,
  isNotSentAgain,
  SILENT,
  servesNextCaller,
  startScenarioRun,
} from '../conformance/disconnects.ts'
import { MODEL } from '../conformance/scenario.ts'
import type { ScenarioRun } from '../conformance/scenario-run.ts'
import { CLIENT_MODES, type PythonClientMode } from './client-modes.ts'
import { clientOf, startClient, startClients, stopClients } from './client-processes.ts'
import { describeWithPython, FIRST_INSTALL_MS, makePython } from './environment.ts'

async function hasLeft(
  scenarioRun: ScenarioRun,
  way: PythonClientMode,
  prompt: string,
  wasAsked: boolean,
): Promise<void> {
  await hasDisconnected(scenarioRun, way)
  await isNotSentAgain(scenarioRun, prompt, wasAsked)
}

describeWithPython('with Python', () => {
  beforeAll(startClients, FIRST_INSTALL_MS)
  afterAll(stopClients)

  describe.for(DISCONNECT_POINTS)('a task that is cancelled $name', (moment) => {
    test('ends its job', async () => {
      const leavers = CLIENT_MODES.filter((way) => moment.appliesTo?.(way) ?? true)
      const scenarioRun = await startScenarioRun(moment.settings, leavers)
      for (const way of leavers) {
        const prompt = `of ${nameOf(way)}`
        await moment.prepare(scenarioRun)
        const asking = way.begin({ url: scenarioRun.tapOf(way).url, model: MODEL, prompt })
        // A task shows its text at its end only.
        const begun = scenarioRun.tapOf(way).until(({ answers }) => answers.some(({ body }) => body.length > 0))
        await moment.reached(scenarioRun, way, begun)
        asking.leave()
        expect(await asking.told, nameOf(way)).toMatchObject({ type: 'CancelledError' })
        await hasLeft(scenarioRun, way, prompt, !moment.isQueued)
        await moment.release(scenarioRun)
      }
      await servesNextCaller(scenarioRun, CLIENT_MODES)
    })
  })

  test('a loop that leaves a stream ends its job', async () => {
    // LlamaIndex gives a piece away only when the next one has come.
    const streams = CLIENT_MODES.filter(({ mode, module }) => mode === 'streamed' && module !== 'llama_index_py')
    const scenarioRun = await startScenarioRun(SILENT, streams)
    scenarioRun.fake.hold('middle')
    for (const way of streams) {
      const prompt = `of ${nameOf(way)}`
      const question = { url: scenarioRun.tapOf(way).url, model: MODEL, prompt, way: way.name, pieces: 1 }
      const told = await clientOf(way.module).tell(question)
      // An Anthropic stream begins with a record without text.
      expect(told).toEqual({ kind: 'text', text: way.module === 'anthropic_py' ? '' : 'Hello' })
      await hasLeft(scenarioRun, way, prompt, true)
    }
    scenarioRun.fake.release('middle')
    await servesNextCaller(scenarioRun, CLIENT_MODES)
  })

  test('a process that is killed ends its job', async () => {
    const [way = expect.fail('no client mode')] = CLIENT_MODES
    const scenarioRun = await startScenarioRun(SILENT, [way])
    const doomed = await startClient(await makePython(), way.module)
    onTestFinished(() => doomed.stop())
    scenarioRun.fake.hold('middle')
    const told = doomed.tell({ url: scenarioRun.tapOf(way).url, model: MODEL, prompt: 'of the doomed', way: way.name })
    await Promise.race([scenarioRun.fake.waiting('middle'), told])
    doomed.kill()
    await expect(told).rejects.toThrow('it ended')
    await hasLeft(scenarioRun, way, 'of the doomed', true)
    scenarioRun.fake.release('middle')
    await servesNextCaller(scenarioRun, CLIENT_MODES)
  })
})
