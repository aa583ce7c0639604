// Owns the moments at which a program can leave, in the queue, while the model loads, before its first byte and in the
// middle of a stream, and what is true when somebody has left. How each client leaves is its part's.

import { expect, onTestFinished } from 'vitest'
import { CHATS, MODEL, RIGHT, TURN } from './scenario.ts'
import { Stage } from './stage.ts'
import type { Way } from './way.ts'

export interface Moment {
  readonly name: string
  readonly settings: Readonly<Record<string, string>>
  readonly isQueued: boolean
  /** Who can leave then; default: everybody. */
  readonly happensTo?: (way: Way) => boolean
  readonly prepare: (stage: Stage) => Promise<void> | void
  /** Resolves when the moment has come. `hasText`: the program has seen a piece of the answer. */
  readonly come: (stage: Stage, way: Way, hasText: Promise<unknown>) => Promise<unknown>
  readonly release: (stage: Stage) => Promise<void> | void
}

const beaten = { FOREMAN_HEARTBEAT: '50ms' }
/** No answer is begun before the target's own. */
export const SILENT = { FOREMAN_HEARTBEAT: '0' }

const hasBeats = (stage: Stage, way: Way) =>
  stage.tapOf(way).until(({ answers }) => answers.some(({ beats }) => beats >= 2))

export const MOMENTS: readonly Moment[] = [
  {
    name: 'in the queue, before the answer has begun',
    settings: SILENT,
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
    settings: SILENT,
    isQueued: false,
    prepare(stage) {
      for (const path of CHATS) stage.fake.always(path, { gate: TURN })
      stage.fake.hold(TURN)
    },
    come: (stage) => stage.fake.waiting(TURN),
    release: (stage) => void stage.fake.release(TURN),
  },
  {
    name: 'in the middle of a stream',
    settings: SILENT,
    isQueued: false,
    happensTo: ({ mode }) => mode === 'streamed',
    prepare: (stage) => void stage.fake.hold('middle'),
    come: (_stage, _way, hasText) => hasText,
    release: (stage) => void stage.fake.release('middle'),
  },
]

/** A stage that is struck when the test is over. */
export async function setStage(settings: Moment['settings'], ways: readonly Way[]): Promise<Stage> {
  const stage = await Stage.set(settings, ways)
  onTestFinished(() => stage.strike())
  return stage
}

/** The line is closed, nobody is served, and nothing runs. */
export async function isGone(stage: Stage, way: Way): Promise<void> {
  await stage.tapOf(way).until(({ open }) => open === 0)
  await isServed(stage)
}

/** Nobody is left who is served. */
export async function isServed(stage: Stage): Promise<void> {
  await stage.foreman.shows('nobody on the line', ({ counters }) => counters.callers === 0)
  await stage.foreman.shows('nothing at work', ({ running }) => running === null)
}

/** What the target was asked with this prompt was broken off, or it was never asked. */
export async function costsNothingMore(stage: Stage, prompt: string, wasAsked: boolean): Promise<void> {
  const asked = stage.fake.workers.filter(({ body }) => body.includes(prompt))
  await Promise.all(asked.map(({ over }) => over))
  expect(asked.map(({ wasAborted }) => wasAborted)).toEqual(wasAsked ? [true] : [])
}

/** Whoever comes next is served, and nothing of what was left is asked after him. */
export async function servesTheNext(stage: Stage, [next = expect.fail('nobody')]: readonly Way[]): Promise<void> {
  expect(await next.tell({ url: stage.foreman.url, model: MODEL })).toEqual({ kind: 'text', text: RIGHT })
}
