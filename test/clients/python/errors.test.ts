// The errors that end a call before its answer has begun, as each Python client shows them to its user after all its
// retries: sentence, class and status; and on the line the words behind the status and the headers that belong there.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ERROR_CASES, type ErrorCase } from '../conformance/errors.ts'
import { MODEL } from '../conformance/scenario.ts'
import { settled } from '../conformance/settling.ts'
import { Stage } from '../conformance/stage.ts'
import type { TappedAnswer } from '../conformance/tap.ts'
import { nameOf, type Told } from '../conformance/way.ts'
import { askerOf, startAskers, stopAskers } from './asker.ts'
import { describeWithPython, FIRST_INSTALL_MS } from './environment.ts'
import { WAYS } from './ways.ts'

interface Shown {
  readonly told: Told
  readonly answer: TappedAnswer | undefined
}

/**
 * Those that need no header of their own, and no 503: these clients are asked with their own defaults, which wait for as
 * long as Retry-After says and ask again. What becomes of that is the matrix's.
 */
const CASES = ERROR_CASES.filter(({ asked, status }) => asked?.headers === undefined && status !== 503)

async function bringAbout(error: ErrorCase): Promise<ReadonlyMap<string, Shown>> {
  const stage = await Stage.set({ FOREMAN_HEARTBEAT: '0', ...error.settings }, WAYS)
  try {
    await error.prepare?.(stage)
    const asking = WAYS.map(async (way) => {
      const tap = stage.tapOf(way)
      const told = await askerOf(way.module).tell({ url: tap.url, model: MODEL, ...error.asked, way: way.name })
      return [nameOf(way), { told, answer: tap.answers.at(-1) }] as const
    })
    if (error.endWait !== undefined) {
      await stage.foreman.shows('everybody waiting', ({ queue }) => queue.waiting === WAYS.length)
      await error.endWait(stage)
    }
    return new Map(await Promise.all(asking))
  } finally {
    await stage.strike()
  }
}

describeWithPython('with Python', () => {
  const shown = new Map<string, ReadonlyMap<string, Shown>>()

  beforeAll(async () => {
    await startAskers()
    await settled(CASES.map(async (error) => shown.set(error.name, await bringAbout(error))))
  }, FIRST_INSTALL_MS)
  afterAll(stopAskers)

  const cells = CASES.flatMap((error) => WAYS.map((way) => [nameOf(way), error.name, { error }] as const))

  describe('a Python client', () => {
    test.for(cells)('%s shows %s', ([name, , { error }]) => {
      const { told, answer } = shown.get(error.name)?.get(name) ?? expect.fail('nobody asked')
      expect(answer, JSON.stringify({ told, answer })).toMatchObject({ status: error.status, reason: error.reason })
      expect(answer?.headers['x-foreman-error'] ?? null).toBe(error.code)
      expect(answer?.headers['retry-after']).toBeUndefined()
      expect(answer?.headers['www-authenticate']).toBe(error.status === 401 ? 'Bearer' : undefined)
      expect(told).toMatchObject({
        kind: 'error',
        message: expect.stringContaining(error.sentence),
        status: error.status,
      })
    })

    test('the classes of the errors are those that are written down (vitest -u writes them anew)', async () => {
      const classes = Object.fromEntries(
        CASES.map(({ name: error }) => [
          error,
          Object.fromEntries(
            [...(shown.get(error) ?? [])].map(([way, { told }]) => [way, told.kind === 'error' ? told.type : 'none']),
          ),
        ]),
      )
      const file = join(import.meta.dirname, '../conformance/error-classes/python.json')
      await expect(`${JSON.stringify(classes, null, 2)}\n`).toMatchFileSnapshot(file)
    })
  })
})
