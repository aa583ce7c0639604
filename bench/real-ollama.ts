// Real Ollama for the swap bench: the one beside the checkout with tiny models, or another one that the environment
// names. It counts loads in the server's log, and is stopped with the bench.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onFreePort } from '../test/free-port.ts'
import { ask } from './caller.ts'
import { type Child, startUntil, temporaryDirectory } from './child.ts'
import { wait } from './load.ts'
import { MissingProgram } from './program.ts'

const beside = fileURLToPath(new URL('../../shared/ollama/serve', import.meta.url))

export interface RealOllama {
  readonly port: number
  readonly models: readonly string[]
  /** Loads since the start; NaN if its log cannot be read. */
  readonly loads: number
  /** Unloads every model. */
  unloadAll(): Promise<void>
  stop(): Promise<void>
}

export async function startRealOllama(): Promise<RealOllama> {
  const own = process.env['OLLAMA_BENCH_PORT']
  if (own !== undefined) {
    const models = (process.env['OLLAMA_BENCH_MODELS'] ?? '').split(',').filter(Boolean)
    if (models.length < 2) throw new MissingProgram('OLLAMA_BENCH_MODELS must name two models or more, with commas')
    return realOllama(Number(own), models, null, () => Number.NaN)
  }
  const script = process.env['FOREMAN_TEST_OLLAMA_SERVE'] ?? beside
  if (!existsSync(script)) {
    throw new MissingProgram(
      'needs a real Ollama: start one with OLLAMA_MAX_LOADED_MODELS=1 on this machine, and set OLLAMA_BENCH_PORT=11434 and OLLAMA_BENCH_MODELS=one,two,three',
    )
  }
  return onFreePort((port) => startOn(port, script))
}

async function startOn(port: number, script: string): Promise<RealOllama> {
  let loads = 0
  const { child } = await startUntil(script, [String(port)], (line) => (line === 'ready' ? true : undefined), {
    env: { OLLAMA_MAX_LOADED_MODELS: '1', OLLAMA_NUM_PARALLEL: '1', OLLAMA_MODELS: temporaryDirectory() },
    isParent: true,
    deadlineMs: 600_000,
    onLine: (line) => {
      if (/msg="starting (runner|llama-server)"/.test(line)) loads += 1
    },
  })
  return realOllama(port, ['tiny-a', 'tiny-b', 'tiny-c'], child, () => loads)
}

function realOllama(port: number, models: readonly string[], child: Child | null, loads: () => number): RealOllama {
  return {
    port,
    models,
    get loads() {
      return loads()
    },
    async unloadAll() {
      for (const model of models) await ask(port, 'POST', '/api/generate', { model, keep_alive: 0 })
      for (let tries = 0; tries < 500; tries++) {
        const { models: resident }: { models: unknown[] } = JSON.parse(await ask(port, 'GET', '/api/ps'))
        if (resident.length === 0) return
        await wait(20)
      }
      throw new Error('the models were not unloaded')
    },
    stop: async () => child?.stop(),
  }
}
