// Tests of the Python clients in the queue: the client matrix, a wait longer than LlamaIndex's timeout of 30 s, one job for marked
// retries, and images.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testImages } from '../conformance/images.ts'
import { testMatrix } from '../conformance/matrix.ts'
import { testQueueWait } from '../conformance/queue-wait.ts'
import { testRetries } from '../conformance/retries.ts'
import { CLIENT_MODES } from './client-modes.ts'
import { clientOf, MODULES, startClients, stopClients } from './client-processes.ts'
import { describeWithPython, FIRST_INSTALL_MS } from './environment.ts'

/**
 * Default timeout of each client in seconds, as it reports it; null if it has none. Only LlamaIndex gives up before 400 s.
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
const SAYING = CLIENT_MODES.filter(({ module }) => module === 'openai_py' || module === 'anthropic_py').map((way) => ({
  ...way,
  callWithTimeout: (asked: Parameters<typeof way.begin>[0], patienceMs: number) =>
    clientOf(way.module).tell({ ...asked, way: way.name, patience: patienceMs / 1000 }),
}))

describeWithPython('with Python', () => {
  beforeAll(startClients, FIRST_INSTALL_MS)
  afterAll(stopClients)

  describe('a Python client', () => testMatrix('python', CLIENT_MODES))

  describe('every Python client', () => testQueueWait(CLIENT_MODES))

  describe('the Python clients', () => {
    testImages(CLIENT_MODES, (way, asked) => clientOf(way.module).tell({ ...asked, way: way.name }))
    testRetries(SAYING)
  })

  test('each client has the default timeout that the long wait assumes', async () => {
    const told = await Promise.all(MODULES.map(async (module) => [module, await clientOf(module).patience()] as const))
    expect(Object.fromEntries(told)).toEqual(PATIENCE)
  })
})
