// What a program gets from Ollama through a Python client, it gets from foreman: answers, pieces of streams, and errors by
// class, sentence and status. Nothing may differ but times and ids.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Foreman, startForeman } from '../../ollama/foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from '../../ollama/real-ollama.ts'
import { type Answers, comparable } from '../conformance/comparable.ts'
import { clientOf, MODULES, type Module, startClients, stopClients } from './client-processes.ts'
import { describeWithPython } from './environment.ts'

async function ask(module: Module, url: string): Promise<Answers> {
  return comparable(await clientOf(module).questions(url), url)
}

describeWithPython('with Python', () => {
  describeWithOllama('in front of a real Ollama', () => {
    let ollama: RealOllama
    let foreman: Foreman
    const direct = new Map<Module, Answers>()
    const through = new Map<Module, Answers>()

    beforeAll(async () => {
      const [real] = await Promise.all([startOllama(), startClients()])
      ollama = real
      foreman = await startForeman(ollama.url, { FOREMAN_POLL_INTERVAL: '500ms', FOREMAN_HEARTBEAT: '0' })
      // One after the other: the models of two clients would push each other out.
      for (const module of MODULES) {
        direct.set(module, await ask(module, ollama.url))
        through.set(module, await ask(module, foreman.url))
      }
    }, FIRST_START_MS)

    afterAll(async () => {
      await stopClients()
      await foreman?.stop()
      await ollama?.stop()
    })

    describe.for(MODULES)('%s', (module) => {
      test("gets Ollama's answers, streamed or not", () => {
        const answered = Object.entries(direct.get(module) ?? {}).filter(([name]) => !name.startsWith('!'))
        expect(answered.filter(([, got]) => !('answer' in got))).toEqual([])
        expect(answered.length).toBeGreaterThan(5)
        for (const [name, got] of answered) expect(through.get(module)?.[name], name).toEqual(got)
      })

      test("gets Ollama's errors", () => {
        const refused = Object.entries(direct.get(module) ?? {}).filter(([name]) => name.startsWith('!'))
        expect(refused.filter(([, got]) => 'answer' in got)).toEqual([])
        expect(refused.length).toBeGreaterThan(2)
        for (const [name, got] of refused) expect(through.get(module)?.[name], name).toEqual(got)
      })
    })
  })
})
