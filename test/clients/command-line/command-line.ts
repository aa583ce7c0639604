// Owns running the `ollama` command line in front of a server, with a home of its own, and what it leaves to a script: its
// exit code and what it printed. It judges nothing.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { cleanEnvironment, startProgram } from '../../ollama/program.ts'
import { ollamaBinary } from '../../ollama/real-ollama.ts'
import type { Told } from '../conformance/way.ts'

export type Run = (url: string, args: readonly string[]) => Promise<Told>

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
