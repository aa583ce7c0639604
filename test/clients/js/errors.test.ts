// Every error that ends a call before its answer has begun, as each JavaScript client shows it to its user: class, sentence
// and status; and on the line the words behind the status, Retry-After and WWW-Authenticate where they belong.

import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { ERROR_CASES, type ErrorCase } from '../conformance/errors.ts'
import { MODEL } from '../conformance/scenario.ts'
import { settled } from '../conformance/settling.ts'
import { Stage } from '../conformance/stage.ts'
import type { TappedAnswer } from '../conformance/tap.ts'
import { nameOf, type Told } from '../conformance/way.ts'
import { toldOf } from './told.ts'
import { WAYS } from './ways.ts'

interface Shown {
  readonly told: Told
  readonly answer: TappedAnswer | undefined
}

/** What all ways show of one error. Asked once each: what asking again does is the matrix's. */
async function bringAbout(error: ErrorCase): Promise<ReadonlyMap<string, Shown>> {
  const stage = await Stage.set({ FOREMAN_HEARTBEAT: '0', ...error.settings }, WAYS)
  try {
    await error.prepare?.(stage)
    const asking = WAYS.map(async (way) => {
      const tap = stage.tapOf(way)
      const told = await toldOf(way.ask({ url: tap.url, model: MODEL, retries: 0, ...error.asked }))
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

describe('a JavaScript client', () => {
  const shown = new Map<string, ReadonlyMap<string, Shown>>()

  beforeAll(async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    await settled(ERROR_CASES.map(async (error) => shown.set(error.name, await bringAbout(error))))
  })

  const cells = ERROR_CASES.flatMap((error) => WAYS.map((way) => [nameOf(way), error.name, { way, error }] as const))

  test.for(cells)('%s shows %s', ([name, , { way, error }]) => {
    const { told, answer } = shown.get(error.name)?.get(name) ?? expect.fail('nobody asked')
    expect(answer, JSON.stringify({ told, answer })).toMatchObject({ status: error.status, reason: error.reason })
    expect(answer?.headers['x-foreman-error'] ?? null).toBe(error.code)
    expect(answer?.headers['retry-after']).toEqual(
      error.status === 503 ? expect.stringMatching(/^[1-9]\d*$/) : undefined,
    )
    expect(answer?.headers['www-authenticate']).toBe(error.status === 401 ? 'Bearer' : undefined)
    // They read errors of OpenAI's form only, and show the words behind the status. What is refused before its path is
    // known has Ollama's own form everywhere.
    const readsOpenaiOnly =
      way.client === 'ollama-ai-provider-v2' || (error.status === 431 && way.client === '@ai-sdk/openai-compatible')
    const sentence = readsOpenaiOnly ? error.reason : error.sentence
    expect(told).toMatchObject({ kind: 'error', message: expect.stringContaining(sentence) })
    // It wraps what ollama-js says in an error of its own, without the status.
    if (way.client !== 'ai-sdk-ollama') expect(told).toMatchObject({ status: error.status })
  })

  test('the classes of the errors are those that are written down (vitest -u writes them anew)', async () => {
    const classes = Object.fromEntries(
      ERROR_CASES.map(({ name: error }) => [
        error,
        Object.fromEntries(
          [...(shown.get(error) ?? [])].map(([way, { told }]) => [way, told.kind === 'error' ? told.type : 'none']),
        ),
      ]),
    )
    const file = join(import.meta.dirname, '../conformance/error-classes/javascript.json')
    await expect(`${JSON.stringify(classes, null, 2)}\n`).toMatchFileSnapshot(file)
  })
})
