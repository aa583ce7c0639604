// Child process for one turn of one fuzz target. argv: the module, the seed, the limit in milliseconds. Sends its
// `TurnResult` to the parent, which also notices a crash.

import { pathToFileURL } from 'node:url'
import type { TurnResult } from './runner.ts'
import type { FuzzTarget } from './target.ts'

const [module = '', seed = '0', boundMs = '0'] = process.argv.slice(2)

async function turn(): Promise<TurnResult> {
  const target = (await import(pathToFileURL(module).href)) as FuzzTarget
  const deadline = performance.now() + Number(boundMs)
  try {
    const { cases } = await target.run({ seed: Number(seed), until: () => performance.now() >= deadline })
    if (!Number.isSafeInteger(cases) || cases < 1) return { cases: 0, failure: `tried ${cases} cases, not one or more` }
    return { cases, failure: null }
  } catch (error) {
    return { cases: 0, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

// The parent is gone: end what the target has started.
process.on('disconnect', () => process.exit(1))
const result = await turn()
process.send?.(result, () => process.exit(result.failure === null ? 0 : 1))
