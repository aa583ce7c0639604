// Every question that a JavaScript client can ask has the same answer from the real Ollama directly and through foreman,
// and every mistake the same error; the difference is nothing but times and ids.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, post } from '../../ollama/exchange.ts'
import { type Foreman, startForeman } from '../../ollama/foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from '../../ollama/real-ollama.ts'
import { CLIENT_MODES } from './client-modes.ts'
import { resultOfError } from './client-result.ts'
import { comparableText } from './comparable-text.ts'
import { AI_SDK, AI_SDK_MISTAKES } from './questions/ai-sdk.ts'
import { ANTHROPIC, ANTHROPIC_MISTAKES } from './questions/anthropic.ts'
import { LANGCHAIN, LANGCHAIN_MISTAKES } from './questions/langchain.ts'
import { OLLAMA, OLLAMA_MISTAKES } from './questions/ollama.ts'
import { OPENAI, OPENAI_MISTAKES } from './questions/openai.ts'
import { ACTING, CERTAIN, type Questions } from './questions/question.ts'

const CLIENTS: readonly (readonly [name: string, questions: Questions, mistakes: Questions])[] = [
  ['ollama', OLLAMA, OLLAMA_MISTAKES],
  ['LangChain', LANGCHAIN, LANGCHAIN_MISTAKES],
  ['openai', OPENAI, OPENAI_MISTAKES],
  ['Anthropic', ANTHROPIC, ANTHROPIC_MISTAKES],
  ['the AI SDK', AI_SDK, AI_SDK_MISTAKES],
]

/** Says words as random as always the same: so words that it says can be the tags of what it thinks. */
const ACTS =
  '{{- if .Tools }}tools: {{ .Tools }} {{ end }}{{- range .Messages }}{{- if .Thinking }}small{{ .Thinking }}spell{{ end }}' +
  '{{ .Role }}: {{ .Content }}{{- if .ToolCalls }}[{{ range .ToolCalls }}{{ .Function.Name }}{{ end }}]{{ end }} {{ end }}'
const certainly = { temperature: 0, seed: 7, num_predict: 32, num_ctx: 2048, num_thread: 1 }
const ENDLESS = 'tiny-endless'

const MODELS = [
  { model: CERTAIN, from: 'tiny-a', parameters: certainly },
  { model: ACTING, from: 'tiny-a', template: ACTS, parameters: certainly },
  // Warm enough not to repeat itself, which Ollama would cut off.
  { model: ENDLESS, from: 'tiny-slow', parameters: { temperature: 1, num_predict: 1_000_000, num_thread: 1 } },
]

describeWithOllama('through foreman as directly', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama()
    for (const model of MODELS) {
      const made = await exchange(ollama.url, post('/api/create', { ...model, stream: false }))
      expect(made.status, made.body.toString()).toBe(200)
    }
    // Whatever the machine is busy with: no answer is begun before Ollama's own, and a mistake has its own status.
    foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '0', FOREMAN_POLL_INTERVAL: '500ms' })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    for (const { model } of MODELS) {
      if (ollama) await exchange(ollama.url, { ...post('/api/delete', { model }), method: 'DELETE' })
    }
    await ollama?.stop()
  })

  describe.for(CLIENTS)('%s', ([, questions, mistakes]) => {
    test.for(Object.entries(questions))('gets the answer to %s', async ([, ask]) => {
      const direct = comparableText(await ask(ollama.url))
      expect(comparableText(await ask(foreman.url))).toEqual(direct)
    })

    test.for(Object.entries(mistakes))('gets the error for %s', async ([, ask]) => {
      const told = async (url: string) => {
        const reason: unknown = await ask(url).then(
          () => expect.fail('no error'),
          (error: unknown) => error,
        )
        return comparableText(resultOfError(reason))
      }
      expect(await told(foreman.url)).toEqual(await told(ollama.url))
    })
  })

  // The signal of ai-sdk-ollama never reaches the line: its answer is read to its end for nobody.
  const streamed = CLIENT_MODES.filter(({ mode, client }) => mode === 'streamed' && client !== 'ai-sdk-ollama').map(
    (way) => [way.client, way] as const,
  )

  test.for(streamed)('%s leaves an endless stream, and the target is free', async ([, way]) => {
    const leaving = new AbortController()
    const onText = () => leaving.abort()
    await way.ask({ url: foreman.url, model: ENDLESS, signal: leaving.signal, onText }).catch(() => undefined)
    await foreman.shows('nothing at work', ({ running, counters }) => running === null && counters.callers === 0)
  })
})
