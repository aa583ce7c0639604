// What a queue does to the `ollama` command line, whose exit code and standard error are all that a script has. It has no
// patience of its own to be tried. What it says in front of a server that is not busy stands in test/ollama.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { cleanEnvironment, startProgram } from '../../ollama/program.ts'
import { describeWithOllama, FIRST_START_MS, ollamaBinary } from '../../ollama/real-ollama.ts'
import { testMatrix } from '../conformance/matrix.ts'
import type { Way } from '../conformance/way.ts'

describeWithOllama('the command line', () => {
  let binary: string
  let home: string

  beforeAll(async () => {
    binary = await ollamaBinary()
    home = await mkdtemp(join(tmpdir(), 'foreman-home-'))
  }, FIRST_START_MS)

  afterAll(() => rm(home, { recursive: true, force: true }))

  const run: Way = {
    ...{ client: 'ollama command line', mode: 'streamed', endpoint: '/api/generate', streams: true },
    async tell({ url, model }) {
      const env = cleanEnvironment({ OLLAMA_HOST: url, HOME: home })
      const program = startProgram(binary, ['run', model, 'hi'], { env })
      const code = await program.ended
      const { out, error } = program.printed
      return code === 0
        ? { kind: 'text', text: out.trim() }
        : { kind: 'error', type: `exit ${code}`, message: error, status: null }
    },
  }

  testMatrix('command-line', [run])
})
