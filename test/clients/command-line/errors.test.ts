// What the `ollama` command line says to a user who manages models with it: a sentence on standard error, and an exit code. It
// can send neither headers nor a token. Its chats' errors stand in the matrix.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { describeWithOllama, FIRST_START_MS } from '../../ollama/real-ollama.ts'
import { type ErrorClient, testErrors } from '../conformance/error-table.ts'
import { useCommandLine } from './command-line.ts'

describeWithOllama('the command line', () => {
  const run = useCommandLine(FIRST_START_MS)
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'foreman-modelfile-'))
    await writeFile(join(folder, 'Modelfile'), 'FROM tiny-a\n')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const manage = (mode: string, args: (model: string) => readonly string[]): ErrorClient => ({
    ...{ client: 'ollama command line', mode, hidesStatus: true },
    call: ({ url, model }) => run(url, [mode, ...args(model)]),
  })

  testErrors('command-line', {
    management: [
      manage('pull', () => ['new']),
      manage('push', (model) => [`somebody/${model}`]),
      manage('create', () => ['new', '-f', join(folder, 'Modelfile')]),
      manage('cp', (model) => [model, 'new']),
      manage('rm', (model) => [model]),
      // It pulls a missing model.
      manage('run', () => ['new', 'hi']),
    ],
  })
})
