// Points at which a program can disconnect: in the queue, while the model loads, before the first byte, and during a stream. Also the
// checks that hold after a disconnect. How each client disconnects is in its own folder.

import { expect, onTestFinished } from 'vitest'
import type { ClientMode } from './client-mode.ts'
import { CHATS, MODEL, RIGHT, TURN } from './scenario.ts'
import { ScenarioRun } from './scenario-run.ts'

export interface DisconnectPoint {
  readonly name: string
  readonly settings: Readonly<Record<string, string>>
  readonly isQueued: boolean
  /** Client modes that can disconnect at this point; default: all. */
  readonly appliesTo?: (way: ClientMode) => boolean
  readonly prepare: (scenarioRun: ScenarioRun) => Promise<void> | void
  /** Resolves when the point is reached. `hasText` resolves when the program has received a piece of the answer. */
  readonly reached: (scenarioRun: ScenarioRun, way: ClientMode, hasText: Promise<unknown>) => Promise<unknown>
  readonly release: (scenarioRun: ScenarioRun) => Promise<void> | void
}

const beaten = { FOREMAN_HEARTBEAT: '50ms' }
/** No heartbeats: the answer begins with the target's first byte. */
export const SILENT = { FOREMAN_HEARTBEAT: '0' }

const hasBeats = (scenarioRun: ScenarioRun, way: ClientMode) =>
  scenarioRun.tapOf(way).until(({ answers }) => answers.some(({ beats }) => beats >= 2))

export const DISCONNECT_POINTS: readonly DisconnectPoint[] = [
  {
    name: 'in the queue, before the answer has begun',
    settings: SILENT,
    isQueued: true,
    prepare: (scenarioRun) => scenarioRun.pause(),
    // Not by the length of the queue: callers that disconnected earlier leave orphans there for 10 s.
    reached: (scenarioRun) => scenarioRun.foreman.shows('one waiting call', ({ counters }) => counters.callers === 1),
    release: (scenarioRun) => scenarioRun.resume(),
  },
  {
    name: 'in the queue, kept alive',
    settings: beaten,
    isQueued: true,
    prepare: (scenarioRun) => scenarioRun.pause(),
    reached: hasBeats,
    release: (scenarioRun) => scenarioRun.resume(),
  },
  {
    name: 'while the model loads',
    settings: beaten,
    isQueued: false,
    prepare(scenarioRun) {
      scenarioRun.fake.memory.clear()
      scenarioRun.fake.hold('load')
    },
    async reached(scenarioRun, way) {
      await scenarioRun.fake.waiting('load')
      await hasBeats(scenarioRun, way)
    },
    release: (scenarioRun) => void scenarioRun.fake.release('load'),
  },
  {
    name: 'before the first byte of the model',
    settings: SILENT,
    isQueued: false,
    prepare(scenarioRun) {
      for (const path of CHATS) scenarioRun.fake.always(path, { gate: TURN })
      scenarioRun.fake.hold(TURN)
    },
    reached: (scenarioRun) => scenarioRun.fake.waiting(TURN),
    release: (scenarioRun) => void scenarioRun.fake.release(TURN),
  },
  {
    name: 'in the middle of a stream',
    settings: SILENT,
    isQueued: false,
    appliesTo: ({ mode }) => mode === 'streamed',
    prepare: (scenarioRun) => void scenarioRun.fake.hold('middle'),
    reached: (_stage, _way, hasText) => hasText,
    release: (scenarioRun) => void scenarioRun.fake.release('middle'),
  },
]

/** A run of a scenario that is stopped after the test. */
export async function startScenarioRun(
  settings: DisconnectPoint['settings'],
  ways: readonly ClientMode[],
): Promise<ScenarioRun> {
  const scenarioRun = await ScenarioRun.start(settings, ways)
  onTestFinished(() => scenarioRun.stop())
  return scenarioRun
}

/** The connection is closed, and no job runs. */
export async function hasDisconnected(scenarioRun: ScenarioRun, way: ClientMode): Promise<void> {
  await scenarioRun.tapOf(way).until(({ open }) => open === 0)
  await isIdle(scenarioRun)
}

/** No caller waits, and no job runs. */
export async function isIdle(scenarioRun: ScenarioRun): Promise<void> {
  await scenarioRun.foreman.shows('no waiting caller', ({ counters }) => counters.callers === 0)
  await scenarioRun.foreman.shows('no running job', ({ running }) => running === null)
}

/** The request with this prompt was aborted at the target, or never sent. */
export async function isNotSentAgain(scenarioRun: ScenarioRun, prompt: string, wasAsked: boolean): Promise<void> {
  const asked = scenarioRun.fake.workers.filter(({ body }) => body.includes(prompt))
  await Promise.all(asked.map(({ over }) => over))
  expect(asked.map(({ wasAborted }) => wasAborted)).toEqual(wasAsked ? [true] : [])
}

/** The next caller gets its answer. */
export async function servesNextCaller(
  scenarioRun: ScenarioRun,
  [next = expect.fail('no client')]: readonly ClientMode[],
): Promise<void> {
  expect(await next.call({ url: scenarioRun.foreman.url, model: MODEL })).toEqual({ kind: 'text', text: RIGHT })
}
