// Owns which Python clients the matrix has, and in which modes. How each is asked stands in its module in `clients/`.

import type { CancellableCall } from '../conformance/client-process.ts'
import type { Asked, Way } from '../conformance/way.ts'
import { askerOf, type Module } from './asker.ts'

export interface PythonWay extends Way {
  readonly module: Module
  /** Its name in the module's WAYS. */
  readonly name: string
  /** By the client's asynchronous form, whose task can be cancelled. */
  readonly begin: (question: Asked & { readonly prompt: string }) => CancellableCall
}

function way(client: string, module: Module, endpoint: Way['endpoint'], mode: Way['mode'], name: string): PythonWay {
  return {
    ...{ client, mode, endpoint, module, name },
    // LangChain always streams.
    streams: mode === 'streamed' || module === 'langchain_py',
    tell: (asked) => askerOf(module).tell({ ...asked, way: name }),
    begin: (question) => askerOf(module).begin({ ...question, way: name }),
  }
}

const both = (client: string, module: Module, endpoint: Way['endpoint'], suffix = ''): readonly PythonWay[] => [
  way(client, module, endpoint, 'streamed', `streamed${suffix}`),
  way(client, module, endpoint, 'whole', `whole${suffix}`),
]

export const WAYS: readonly PythonWay[] = [
  ...both('ollama-py', 'ollama_py', '/api/chat'),
  ...both('langchain-py', 'langchain_py', '/api/chat'),
  ...both('llama-index', 'llama_index_py', '/api/chat'),
  ...both('litellm', 'litellm_py', '/api/chat'),
  ...both('litellm ollama/', 'litellm_py', '/api/generate', ' generate'),
  ...both('openai-py', 'openai_py', '/v1/chat/completions'),
  ...both('anthropic-py', 'anthropic_py', '/v1/messages'),
]
