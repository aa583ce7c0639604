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

export const startAsker = ({ command, env }: Python, module: Module): Promise<ClientProcess> =>
  ClientProcess.start({ command, args: [PROGRAM, module], env })

const askers = new Map<Module, ClientProcess>()

export async function startAskers(): Promise<void> {
  const python = await makePython()
  await Promise.all(MODULES.map(async (module) => void askers.set(module, await startAsker(python, module))))
}

export async function stopAskers(): Promise<void> {
  await Promise.all([...askers.values()].map((asker) => asker.stop()))
  askers.clear()
}

export function askerOf(module: Module): ClientProcess {
  const asker = askers.get(module)
  if (asker === undefined) throw new Error(`${module} was not started`)
  return asker
}
