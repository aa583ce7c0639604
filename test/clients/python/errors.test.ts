// The errors that end a call before its answer has begun, as each Python client shows them to its user.

import { afterAll, beforeAll, describe } from 'vitest'
import type { ClientProcess } from '../conformance/client-process.ts'
import { type ErrorClient, testErrors } from '../conformance/error-table.ts'
import { CLIENT_MODES } from './client-modes.ts'
import { clientOf, type Module, startClient, startClients, stopClients } from './client-processes.ts'
import { describeWithPython, FIRST_INSTALL_MS, makePython } from './environment.ts'

const EMBEDDER = 'tiny-embed'

const CHATS: readonly ErrorClient[] = CLIENT_MODES.map((way) => ({
  ...way,
  call: (question) => clientOf(way.module).tell({ ...question, retries: 0, way: way.name }),
}))

const act = (client: string, module: Module, mode: string, model?: string): ErrorClient => ({
  ...{ client, mode },
  call: (asked) => clientOf(module).tell({ ...asked, model: model ?? asked.model, retries: 0, way: mode }),
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
      startClients(),
      makePython().then((python) => startClient(python, 'requests_py')),
    ])
    plain = started
  }, FIRST_INSTALL_MS)
  afterAll(async () => {
    await plain?.stop()
    await stopClients()
  })

  const methods: readonly ErrorClient[] = [
    { client: 'requests', mode: 'put', call: (asked) => plain.tell({ ...asked, way: 'put' }) },
    act('openai-py', 'openai_py', 'get'),
    act('anthropic-py', 'anthropic_py', 'get'),
  ]

  describe('a Python client', () =>
    testErrors('python', { chat: CHATS, embedding: EMBEDDERS, management: MANAGERS, method: methods }))
})
