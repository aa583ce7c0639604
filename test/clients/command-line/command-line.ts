// The `ollama` command line in front of a server, with its own home folder. The result is its exit code and output.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { cleanEnvironment, startProgram } from '../../ollama/program.ts'
import { ollamaBinary } from '../../ollama/real-ollama.ts'
import type { ClientResult } from '../conformance/client-mode.ts'

export type Run = (url: string, args: readonly string[]) => Promise<ClientResult>

/** For the tests of this suite. */
export function useCommandLine(setUpMs: number): Run {
  let binary: string
  let home: string

  beforeAll(async () => {
    binary = await ollamaBinary()
    home = await mkdtemp(join(tmpdir(), 'foreman-home-'))
  }, setUpMs)

  afterAll(async () => {
    if (home !== undefined) await rm(home, { recursive: true, force: true })
  })

  return async (url, args) => {
    const env = cleanEnvironment({ OLLAMA_HOST: url, HOME: home })
    const program = startProgram(binary, args, { env, cwd: home })
    const code = await program.ended
    const { out, error } = program.printed
    return code === 0
      ? { kind: 'text', text: out.trim() }
      : { kind: 'error', type: `exit ${code}`, message: error, status: null }
  }
}
