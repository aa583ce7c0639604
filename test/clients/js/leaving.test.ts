// A program that aborts: where its client closes the line, its job is over at once and costs the target nothing more; where
// the client keeps the line open without a word, foreman can't know, and the queue goes on all the same.

import { describe, expect, onTestFinished, test } from 'vitest'
import { MODEL, RIGHT, TURN } from '../conformance/scenario.ts'
import { Stage } from '../conformance/stage.ts'
import { nameOf } from '../conformance/way.ts'
import { toldOf } from './told.ts'
import { type JavaScriptWay, WAYS } from './ways.ts'

interface Moment {
  readonly name: string
  readonly settings: Readonly<Record<string, string>>
  readonly isQueued: boolean
  /** Who can leave then; default: everybody. */
  readonly happensTo?: (way: JavaScriptWay) => boolean
  readonly prepare: (stage: Stage) => Promise<void> | void
  /** Resolves when the moment has come. */
  readonly come: (stage: Stage, way: JavaScriptWay, hasText: Promise<unknown>) => Promise<unknown>
  readonly release: (stage: Stage) => Promise<void> | void
}

const beaten = { FOREMAN_HEARTBEAT: '50ms' }
const silent = { FOREMAN_HEARTBEAT: '0' }
const hasBeats = (stage: Stage, way: JavaScriptWay) =>
  stage.tapOf(way).until(({ answers }) => answers.some(({ beats }) => beats >= 2))

const MOMENTS: readonly Moment[] = [
  {
    name: 'in the queue, before the answer has begun',
    settings: silent,
    isQueued: true,
    prepare: (stage) => stage.pause(),
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
    come: (_stage, _way, hasText) => hasText,
    release: (stage) => void stage.fake.release('middle'),
  },
]

/** Whose abort does not reach the line at once, or never does (measured with ollama 0.6.4, @langchain/ollama 1.3.0). */
function stays({ client, mode }: JavaScriptWay, moment: Moment): boolean {
  if (client === 'langchain-js' || client === 'ai-sdk-ollama') return true
  if (client !== 'ollama-js') return false
  // `abort()` ends the streams that it knows: those whose answer has begun.
  return mode === 'whole' || moment.settings === silent ? moment.name !== 'in the middle of a stream' : false
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
    await tap.until(({ open }) => open === 0)
    await told
    await stage.foreman.shows('nobody on the line', ({ counters }) => counters.callers === 0)
    await stage.foreman.shows('nothing at work', ({ running }) => running === null)
  }
  await moment.release(stage)
  await told
  await stage.foreman.shows('nobody on the line', ({ counters, running }) => counters.callers === 0 && running === null)
  const asked = stage.fake.workers.filter(({ body }) => body.includes(prompt))
  if (stays(way, moment)) return
  expect(asked.map(({ wasAborted }) => wasAborted)).toEqual(moment.isQueued ? [] : [true])
}

describe.for(MOMENTS)('who leaves $name', (moment) => {
  const leavers = WAYS.filter((way) => moment.happensTo?.(way) ?? true)

  test('takes the job along where his client closes the line, and holds nobody up where it does not', async () => {
    const stage = await Stage.set(moment.settings, leavers)
    onTestFinished(() => stage.strike())
    for (const way of leavers) await leave(stage, way, moment)
    // Whoever comes next is served, and nothing of what was left is asked after him.
    const [next = expect.fail('nobody')] = leavers
    expect(await next.tell({ url: stage.foreman.url, model: MODEL })).toEqual({ kind: 'text', text: RIGHT })
  })
})
