// Python client processes of a test file, one for each client.

import { join } from 'node:path'
import { ClientProcess } from '../conformance/client-process.ts'
import { makePython, type Python } from './environment.ts'

const PROGRAM = join(import.meta.dirname, 'asks.py')

/** The modules of `clients/`. */
export const MODULES = [
  'ollama_py',
  'openai_py',
  'anthropic_py',
  'langchain_py',
  'llama_index_py',
  'litellm_py',
] as const
/** `requests_py` has no ways of asking, so it is not in the matrix. A test that wants it starts it. */
export type Module = (typeof MODULES)[number] | 'requests_py'

export const startClient = ({ command, env }: Python, module: Module): Promise<ClientProcess> =>
  ClientProcess.start({ command, args: [PROGRAM, module], env })

const clients = new Map<Module, ClientProcess>()

export async function startClients(): Promise<void> {
  const python = await makePython()
  await Promise.all(MODULES.map(async (module) => void clients.set(module, await startClient(python, module))))
}

export async function stopClients(): Promise<void> {
  await Promise.all([...clients.values()].map((client) => client.stop()))
  clients.clear()
}

export function clientOf(module: Module): ClientProcess {
  const client = clients.get(module)
  if (client === undefined) throw new Error(`${module} was not started`)
  return client
}
