// A Python program that leaves: a task that is cancelled, a loop that is left, a process that is killed. Each closes the
// line, so the job is over at once and costs the target nothing more.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { MODEL, RIGHT, TURN } from '../conformance/scenario.ts'
import { Stage } from '../conformance/stage.ts'
import { nameOf } from '../conformance/way.ts'
import { Asker, askerOf, startAskers, stopAskers } from './asker.ts'
import { describeWithPython, FIRST_INSTALL_MS, makePython } from './environment.ts'
import { type PythonWay, WAYS } from './ways.ts'

interface Moment {
  readonly name: string
  readonly settings: Readonly<Record<string, string>>
  readonly isQueued: boolean
  /** Who can leave then; default: everybody. */
  readonly happensTo?: (way: PythonWay) => boolean
  readonly prepare: (stage: Stage) => Promise<void> | void
  /** Resolves when the moment has come. */
  readonly come: (stage: Stage, way: PythonWay) => Promise<unknown>
  readonly release: (stage: Stage) => Promise<void> | void
}

const beaten = { FOREMAN_HEARTBEAT: '50ms' }
const silent = { FOREMAN_HEARTBEAT: '0' }
const hasBeats = (stage: Stage, way: PythonWay) =>
  stage.tapOf(way).until(({ answers }) => answers.some(({ beats }) => beats >= 2))

const MOMENTS: readonly Moment[] = [
  {
    name: 'in the queue, before the answer has begun',
    settings: silent,
    isQueued: true,
    prepare: (stage) => stage.pause(),
    // Not by the length of the queue: whoever left before is an orphan there for 10 s.
    come: (stage) => stage.foreman.shows('him waiting', ({ counters }) => counters.callers === 1),
    release: (stage) => stage.resume(),
  },
  {
    name: 'in the queue, kept alive',
    settings: beaten,
    isQueued: true,
    prepare: (stage) => stage.pause(),
    come: hasBeats,
    release: (stage) => stage.resume(),
  },
  {
    name: 'while the model loads',
    settings: beaten,
    isQueued: false,
    prepare(stage) {
      stage.fake.memory.clear()
      stage.fake.hold('load')
    },
    async come(stage, way) {
      await stage.fake.waiting('load')
      await hasBeats(stage, way)
    },
    release: (stage) => void stage.fake.release('load'),
  },
  {
    name: 'before the first byte of the model',
    settings: silent,
    isQueued: false,
    prepare(stage) {
      for (const { endpoint } of WAYS) stage.fake.always(endpoint, { gate: TURN })
      stage.fake.hold(TURN)
    },
    come: (stage) => stage.fake.waiting(TURN),
    release: (stage) => void stage.fake.release(TURN),
  },
  {
    name: 'in the middle of a stream',
    settings: silent,
    isQueued: false,
    happensTo: ({ mode }) => mode === 'streamed',
    prepare: (stage) => void stage.fake.hold('middle'),
    come: (stage, way) => stage.tapOf(way).until(({ answers }) => answers.some(({ body }) => body.length > 0)),
    release: (stage) => void stage.fake.release('middle'),
  },
]

/** The line is closed, nobody is served, and what the target was asked for him was broken off. */
async function isGone(stage: Stage, way: PythonWay, prompt: string, wasAsked: boolean): Promise<void> {
  await stage.tapOf(way).until(({ open }) => open === 0)
  await stage.foreman.shows('nobody on the line', ({ counters }) => counters.callers === 0)
  await stage.foreman.shows('nothing at work', ({ running }) => running === null)
  const asked = stage.fake.workers.filter(({ body }) => body.includes(prompt))
  await Promise.all(asked.map(({ over }) => over))
  expect(asked.map(({ wasAborted }) => wasAborted)).toEqual(wasAsked ? [true] : [])
}

async function setStage(settings: Readonly<Record<string, string>>, ways: readonly PythonWay[]): Promise<Stage> {
  const stage = await Stage.set(settings, ways)
  onTestFinished(() => stage.strike())
  return stage
}

/** Whoever comes next is served. */
async function isFree(stage: Stage): Promise<void> {
  const [next = expect.fail('nobody')] = WAYS
  expect(await next.tell({ url: stage.foreman.url, model: MODEL })).toEqual({ kind: 'text', text: RIGHT })
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
        await moment.come(stage, way)
        asking.leave()
        expect(await asking.told, nameOf(way)).toMatchObject({ type: 'CancelledError' })
        await isGone(stage, way, prompt, !moment.isQueued)
        await moment.release(stage)
      }
      await isFree(stage)
    })
  })

  test('a loop over a stream that is left takes its job along', async () => {
    // LlamaIndex gives a piece away only when the next one has come.
    const streams = WAYS.filter(({ mode, module }) => mode === 'streamed' && module !== 'llama_index_py')
    const stage = await setStage(silent, streams)
    stage.fake.hold('middle')
    for (const way of streams) {
      const prompt = `of ${nameOf(way)}`
      const question = { url: stage.tapOf(way).url, model: MODEL, prompt, way: way.name, pieces: 1 }
      const told = await askerOf(way.module).tell(question)
      // An Anthropic stream begins with a record without text.
      expect(told).toEqual({ kind: 'text', text: way.module === 'anthropic_py' ? '' : 'Hello' })
      await isGone(stage, way, prompt, true)
    }
    stage.fake.release('middle')
    await isFree(stage)
  })

  test('a process that is killed takes its job along', async () => {
    const [way = expect.fail('nobody')] = WAYS
    const stage = await setStage(silent, [way])
    const doomed = await Asker.start(await makePython(), way.module)
    onTestFinished(() => doomed.stop())
    stage.fake.hold('middle')
    const told = doomed.tell({ url: stage.tapOf(way).url, model: MODEL, prompt: 'of the doomed', way: way.name })
    await Promise.race([stage.fake.waiting('middle'), told])
    doomed.kill()
    await expect(told).rejects.toThrow('it ended')
    await isGone(stage, way, 'of the doomed', true)
    stage.fake.release('middle')
    await isFree(stage)
  })
})
