// The errors that end a call before its answer has begun, as each Python client shows them to its user.

import { afterAll, beforeAll, describe } from 'vitest'
import type { ClientProcess } from '../conformance/client-process.ts'
import { type Asker, testErrors } from '../conformance/error-table.ts'
import { askerOf, type Module, startAsker, startAskers, stopAskers } from './asker.ts'
import { describeWithPython, FIRST_INSTALL_MS, makePython } from './environment.ts'
import { WAYS } from './ways.ts'

const EMBEDDER = 'tiny-embed'

const CHATS: readonly Asker[] = WAYS.map((way) => ({
  ...way,
  show: (question) => askerOf(way.module).tell({ ...question, retries: 0, way: way.name }),
}))

const act = (client: string, module: Module, mode: string, model?: string): Asker => ({
  ...{ client, mode },
  show: (asked) => askerOf(module).tell({ ...asked, model: model ?? asked.model, retries: 0, way: mode }),
})

const EMBEDDERS = [
  act('ollama-py', 'ollama_py', 'embed', EMBEDDER),
  act('ollama-py', 'ollama_py', 'embeddings', EMBEDDER),
  act('langchain-py', 'langchain_py', 'embed', EMBEDDER),
  act('litellm', 'litellm_py', 'embed', EMBEDDER),
  act('openai-py', 'openai_py', 'embed', EMBEDDER),
]
const MANAGERS = ['pull', 'push', 'create', 'copy', 'delete'].map((mode) => act('ollama-py', 'ollama_py', mode))

describeWithPython('with Python', () => {
  let plain: ClientProcess

  beforeAll(async () => {
    const [, started] = await Promise.all([
      startAskers(),
      makePython().then((python) => startAsker(python, 'requests_py')),
    ])
    plain = started
  }, FIRST_INSTALL_MS)
  afterAll(async () => {
    await plain?.stop()
    await stopAskers()
  })

  const methods: readonly Asker[] = [
    { client: 'requests', mode: 'put', show: (asked) => plain.tell({ ...asked, way: 'put' }) },
    act('openai-py', 'openai_py', 'get'),
    act('anthropic-py', 'anthropic_py', 'get'),
  ]

  describe('a Python client', () =>
    testErrors('python', { chat: CHATS, embedding: EMBEDDERS, management: MANAGERS, method: methods }))
})
