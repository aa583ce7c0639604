// Owns the table test of errors: each is brought about once for all clients of a part, and held against what is true of it:
// sentence and status as the client shows them; on the line the words behind the status and the headers that belong there.

import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Act, ERROR_CASES, type ErrorCase, type ErrorQuestion, SCRIPTED } from './errors.ts'
import { MODEL } from './scenario.ts'
import { settledInTurn } from './settling.ts'
import { Stage } from './stage.ts'
import type { TappedAnswer } from './tap.ts'
import { type Named, nameOf, type Told } from './way.ts'

/** A client doing one thing that can fail. */
export interface Asker extends Named {
  readonly streams?: boolean
  /** Without asking again: what that does is the matrix's. Never rejects. */
  readonly show: (question: ErrorQuestion) => Promise<Told>
  /** What it shows of this error; default: the sentence. */
  readonly shows?: (error: ErrorCase) => string
  /** Its error says no status. */
  readonly hidesStatus?: boolean
  /** The Allow header where it has another way to a wrong method. */
  readonly allow?: string
}

export type Askers = Readonly<Partial<Record<Act, readonly Asker[]>>>

interface Shown {
  readonly told: Told
  readonly answer: TappedAnswer | undefined
}

/** Foremen: each must have started within 30 s, and a slow machine has only so much to give. */
const AT_ONCE = 4

/** Nobody is hurt by what was before. */
const shares = ({ settings, isStepped, isLast, endWait }: ErrorCase): boolean =>
  settings === undefined && endWait === undefined && isStepped !== true && isLast !== true

interface Play {
  readonly error: ErrorCase
  readonly cast: readonly Asker[]
}

async function bringAbout(stage: Stage, { error, cast }: Play): Promise<ReadonlyMap<string, Shown>> {
  const ask = async (asker: Asker): Promise<readonly [string, Shown]> => {
    const tap = stage.tapOf(asker)
    const { host = '127.0.0.1', path = '', ...asked } = error.asked ?? {}
    const url = tap.url.replace('127.0.0.1', host) + path
    const told = await asker.show({ url, model: MODEL, ...asked })
    const answer = tap.answers.at(-1)
    if (error.isOneByOne === true) await tap.stop()
    return [nameOf(asker), { told, answer }]
  }
  await error.prepare?.(stage)
  if (error.isOneByOne === true) {
    const shown = new Map<string, Shown>()
    for (const asker of cast) shown.set(...(await ask(asker)))
    return shown
  }
  const all = Promise.all(cast.map(ask))
  await error.endWait?.(stage, all)
  return new Map(await all)
}

/** One after the other in front of one foreman; `plays` share its settings. */
async function perform(plays: readonly Play[], see: (name: string, shown: ReadonlyMap<string, Shown>) => void) {
  const [first] = plays
  if (first === undefined) return
  const { settings, isStepped } = first.error
  const stage = await Stage.set({ FOREMAN_HEARTBEAT: '0', ...settings }, first.cast, isStepped)
  try {
    for (const play of plays) {
      if (play !== first) await stage.clear(play.cast, SCRIPTED)
      see(play.error.name, await bringAbout(stage, play))
    }
  } finally {
    await stage.strike()
  }
}

/** Declares the tests of all errors that these can meet. `part` names the file of classes: `javascript`, `python`. */
export function testErrors(part: string, askers: Askers, setUpMs?: number): void {
  const shown = new Map<string, ReadonlyMap<string, Shown>>()
  const castOf = ({ act, happensTo }: ErrorCase): readonly Asker[] =>
    (askers[act ?? 'chat'] ?? []).filter((asker) => happensTo?.(asker) ?? true)
  const cases = ERROR_CASES.filter((error) => castOf(error).length > 0)

  beforeAll(async () => {
    const plays = cases.map((error) => ({ error, cast: castOf(error) }))
    const alone = plays.filter(({ error }) => !shares(error)).map((play) => [play])
    const together = plays.filter(({ error }) => shares(error))
    await settledInTurn([together, ...alone], AT_ONCE, (some) =>
      perform(some, (name, seen) => void shown.set(name, seen)),
    )
  }, setUpMs)

  const cells = cases.flatMap((error) =>
    castOf(error).map((asker) => [nameOf(asker), error.name, { asker, error }] as const),
  )

  describe('of all errors', () => {
    test.for(cells)('%s shows %s', ([name, , { asker, error }]) => {
      const { told, answer } = shown.get(error.name)?.get(name) ?? expect.fail('nobody asked')
      expect(answer, JSON.stringify({ told, answer })).toMatchObject({ status: error.status, reason: error.reason })
      const { headers = {} } = answer ?? {}
      expect(headers['x-foreman-error'] ?? null).toBe(error.code)
      expect(headers['retry-after']).toEqual(error.status === 503 ? expect.stringMatching(/^[1-9]\d*$/) : undefined)
      expect(headers['www-authenticate']).toBe(error.status === 401 ? 'Bearer' : undefined)
      expect(headers['allow']).toBe(error.status === 405 ? (asker.allow ?? 'POST') : undefined)
      const sentence = asker.shows?.(error) ?? error.sentence
      expect(told).toMatchObject({ kind: 'error', message: expect.stringContaining(sentence) })
      if (asker.hidesStatus !== true) expect(told).toMatchObject({ status: error.status })
    })
  })

  test('the classes of the errors are those that are written down (vitest -u writes them anew)', async () => {
    const classes = Object.fromEntries(
      cases.map(({ name: error }) => [
        error,
        Object.fromEntries(
          [...(shown.get(error) ?? [])].map(([way, { told }]) => [way, told.kind === 'error' ? told.type : 'none']),
        ),
      ]),
    )
    const file = join(import.meta.dirname, `error-classes/${part}.json`)
    await expect(`${JSON.stringify(classes, null, 2)}\n`).toMatchFileSnapshot(file)
  })
}
