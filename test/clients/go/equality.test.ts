// What a Go program gets from Ollama it gets from foreman: records, lists, and errors by type, message and status.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Foreman, startForeman } from '../../ollama/foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from '../../ollama/real-ollama.ts'
import { type Answers, comparable } from '../conformance/comparable.ts'
import { goClient, useGoClient } from './client-modes.ts'
import { describeWithGo } from './environment.ts'

const ask = async (url: string): Promise<Answers> => comparable(await goClient().questions(url), url)

describeWithGo('the Go client', () => {
  useGoClient()

  describeWithOllama('in front of a real Ollama', () => {
    let ollama: RealOllama
    let foreman: Foreman
    let direct: Answers = {}
    let through: Answers = {}

    beforeAll(async () => {
      ollama = await startOllama()
      foreman = await startForeman(ollama.url, { FOREMAN_POLL_INTERVAL: '500ms', FOREMAN_HEARTBEAT: '0' })
      direct = await ask(ollama.url)
      through = await ask(foreman.url)
    }, FIRST_START_MS)

    afterAll(async () => {
      await foreman?.stop()
      await ollama?.stop()
    })

    const named = (isFailure: boolean) => Object.entries(direct).filter(([name]) => name.startsWith('!') === isFailure)

    test("gets Ollama's answers, streamed or not", () => {
      const answered = named(false)
      expect(answered.filter(([, got]) => !('answer' in got))).toEqual([])
      expect(answered.length).toBeGreaterThan(10)
      for (const [name, got] of answered) expect(through[name], name).toEqual(got)
    })

    test("gets Ollama's errors", () => {
      const refused = named(true)
      expect(refused.filter(([, got]) => 'answer' in got)).toEqual([])
      expect(refused.length).toBeGreaterThan(5)
      for (const [name, got] of refused) expect(through[name], name).toEqual(got)
    })
  })
})
