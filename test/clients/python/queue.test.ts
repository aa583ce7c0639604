// What a queue does to the Python clients: the matrix of failures, made anew by every run and written to
// docs/client-matrix.md; a wait that is longer than LlamaIndex's 30 s of patience; one job for those who ask again and say
// so; and images, which go through it as they were given.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testMatrix } from '../conformance/matrix.ts'
import { testPictures } from '../conformance/pictures.ts'
import { testRetries } from '../conformance/retries.ts'
import { testWaitingRoom } from '../conformance/waiting-room.ts'
import { askerOf, MODULES, startAskers, stopAskers } from './asker.ts'
import { describeWithPython, FIRST_INSTALL_MS } from './environment.ts'
import { WAYS } from './ways.ts'

/**
 * Seconds of silence that each bears by default, as it says itself; null: for ever. Only LlamaIndex gives up before 400 s: the
 * long wait is for its sake.
 */
const PATIENCE = {
  ollama_py: null,
  openai_py: 600,
  anthropic_py: 600,
  langchain_py: null,
  llama_index_py: 30,
  litellm_py: 6000,
}

/** Those that count their retries in a header. */
const SAYING = WAYS.filter(({ module }) => module === 'openai_py' || module === 'anthropic_py').map((way) => ({
  ...way,
  tellSoon: (asked: Parameters<typeof way.begin>[0], patienceMs: number) =>
    askerOf(way.module).tell({ ...asked, way: way.name, patience: patienceMs / 1000 }),
}))

describeWithPython('with Python', () => {
  beforeAll(startAskers, FIRST_INSTALL_MS)
  afterAll(stopAskers)

  describe('a Python client', () => testMatrix('python', WAYS))

  describe('every Python client', () => testWaitingRoom(WAYS))

  describe('of the Python clients', () => {
    testPictures(WAYS, (way, asked) => askerOf(way.module).tell({ ...asked, way: way.name }))
    testRetries(SAYING)
  })

  test('the patience of each client is the one that the waiting room is made for', async () => {
    const told = await Promise.all(MODULES.map(async (module) => [module, await askerOf(module).patience()] as const))
    expect(Object.fromEntries(told)).toEqual(PATIENCE)
  })
})
