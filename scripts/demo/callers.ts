// Callers of the demo, which use foreman as if it were Ollama: some with Ollama's own client, one with the OpenAI API,
// one that makes embeddings. They only know the address of foreman.

import { Ollama } from 'ollama'
import { ASK_EVERY_MS, ASKS, type Ask, EMBED_EVERY_MS, EMBEDDER } from './asks.ts'

export interface CallerEvents {
  asked(ask: Ask): void
  token(ask: Ask, text: string): void
  done(ask: Ask): void
  failed(ask: Ask, why: string): void
  embedded(ms: number): void
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Sends every request at its time; resolves when all are answered. */
export async function askAll(url: string, events: CallerEvents, signal: AbortSignal): Promise<void> {
  const answers = ASKS.map(async (ask, index) => {
    await wait(index * ASK_EVERY_MS)
    if (signal.aborted) return
    events.asked(ask)
    try {
      for await (const text of ask.speaks === 'ollama' ? native(url, ask, signal) : openai(url, ask, signal)) {
        events.token(ask, text)
      }
      events.done(ask)
    } catch (error) {
      events.failed(ask, error instanceof Error ? error.message : String(error))
    }
  })
  await Promise.all(answers)
}

async function* native(url: string, { model, prompt }: Ask, signal: AbortSignal): AsyncGenerator<string> {
  // One client per call, because its abort() ends all of its requests.
  const client = new Ollama({ host: url })
  const answer = await client.chat({ model, messages: [{ role: 'user', content: prompt }], stream: true })
  signal.addEventListener('abort', () => answer.abort())
  for await (const { message } of answer) yield message.content
}

async function* openai(url: string, { model, prompt }: Ask, signal: AbortSignal): AsyncGenerator<string> {
  const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: prompt }] })
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body, signal })
  if (!response.ok || response.body === null) throw new Error(`status ${response.status}`)
  let rest = ''
  for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + bytes).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      // Comments are foreman's heartbeats; [DONE] is the end.
      if (!event.startsWith('data: {')) continue
      const { choices }: { choices: { delta: { content?: string } }[] } = JSON.parse(event.slice(6))
      yield choices[0]?.delta.content ?? ''
    }
  }
}

/** Makes embeddings until the signal is aborted, as an indexer would. */
export async function embedAllTheTime(url: string, events: CallerEvents, signal: AbortSignal): Promise<void> {
  const client = new Ollama({ host: url })
  while (!signal.aborted) {
    const started = performance.now()
    const { embeddings } = await client.embed({ model: EMBEDDER, input: 'a sentence to be found again' })
    if (embeddings.length > 0) events.embedded(performance.now() - started)
    await wait(EMBED_EVERY_MS)
  }
}
