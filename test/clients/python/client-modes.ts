// Client modes of the Python clients for the client matrix. The modules in `clients/` send the requests.

import type { ClientMode, ClientRequest } from '../conformance/client-mode.ts'
import type { CancellableCall } from '../conformance/client-process.ts'
import { clientOf, type Module } from './client-processes.ts'

export interface PythonClientMode extends ClientMode {
  readonly module: Module
  /** Its name in the module's WAYS. */
  readonly name: string
  /** By the client's asynchronous form, whose task can be cancelled. */
  readonly begin: (question: ClientRequest & { readonly prompt: string }) => CancellableCall
}

function way(
  client: string,
  module: Module,
  endpoint: ClientMode['endpoint'],
  mode: ClientMode['mode'],
  name: string,
): PythonClientMode {
  return {
    ...{ client, mode, endpoint, module, name },
    // LangChain always streams.
    streams: mode === 'streamed' || module === 'langchain_py',
    call: (asked) => clientOf(module).tell({ ...asked, way: name }),
    begin: (question) => clientOf(module).begin({ ...question, way: name }),
  }
}

const both = (
  client: string,
  module: Module,
  endpoint: ClientMode['endpoint'],
  suffix = '',
): readonly PythonClientMode[] => [
  way(client, module, endpoint, 'streamed', `streamed${suffix}`),
  way(client, module, endpoint, 'whole', `whole${suffix}`),
]

export const CLIENT_MODES: readonly PythonClientMode[] = [
  ...both('ollama-py', 'ollama_py', '/api/chat'),
  ...both('langchain-py', 'langchain_py', '/api/chat'),
  ...both('llama-index', 'llama_index_py', '/api/chat'),
  ...both('litellm', 'litellm_py', '/api/chat'),
  ...both('litellm ollama/', 'litellm_py', '/api/generate', ' generate'),
  ...both('openai-py', 'openai_py', '/v1/chat/completions'),
  ...both('anthropic-py', 'anthropic_py', '/v1/messages'),
]
