// Records the answers beside this file from a real Ollama that has tiny-a: `node test/answer/answers/record.ts URL`. Each
// question is asked twice, streamed and not, with a fixed seed at temperature 0. No test runs this.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACTING, ACTING_TEMPLATE, ACTING_TOOLS, TWO_CALLS } from '../../ollama/acting-model.ts'

const [url = ''] = process.argv.slice(2)

const messages = [{ role: 'user', content: 'hello' }]
const options = { temperature: 0, seed: 1, num_predict: 8 }
const chat = { model: 'tiny-a', messages, options }
const openai = { model: 'tiny-a', messages, temperature: 0, seed: 1, max_tokens: 8 }
const usage = { stream_options: { include_usage: true } }
const responses = { model: 'tiny-a', input: 'hello', temperature: 0, max_output_tokens: 8 }
const anthropic = { model: 'tiny-a', messages, temperature: 0, max_tokens: 8 }

const QUESTIONS: Readonly<Record<string, readonly [endpoint: string, request: object]>> = {
  chat: ['/api/chat', chat],
  'chat-logprobs': ['/api/chat', { ...chat, options: { ...options, num_predict: 3 }, logprobs: true, top_logprobs: 1 }],
  'chat-thinking': ['/api/chat', { ...chat, model: ACTING, think: true }],
  'chat-tools': [
    '/api/chat',
    {
      ...chat,
      model: ACTING,
      think: false,
      tools: ACTING_TOOLS,
      format: TWO_CALLS,
      options: { ...options, num_predict: 256 },
    },
  ],
  generate: ['/api/generate', { model: 'tiny-a', prompt: 'hello', options }],
  'generate-thinking': ['/api/generate', { model: ACTING, prompt: 'hello', think: true, options }],
  'openai-chat': ['/v1/chat/completions', { ...openai, ...usage }],
  'openai-chat-thinking': ['/v1/chat/completions', { ...openai, ...usage, model: ACTING }],
  'openai-chat-logprobs': ['/v1/chat/completions', { ...openai, ...usage, max_tokens: 3, logprobs: true }],
  'openai-chat-tools': [
    '/v1/chat/completions',
    {
      ...{ ...openai, ...usage, model: ACTING, reasoning_effort: 'none', tools: ACTING_TOOLS, max_tokens: 256 },
      response_format: { type: 'json_schema', json_schema: { schema: TWO_CALLS } },
    },
  ],
  'openai-completion': [
    '/v1/completions',
    { ...usage, model: 'tiny-a', prompt: 'hello', temperature: 0, max_tokens: 8 },
  ],
  anthropic: ['/v1/messages', anthropic],
  'anthropic-thinking': [
    '/v1/messages',
    { ...anthropic, model: ACTING, thinking: { type: 'enabled', budget_tokens: 1024 } },
  ],
  responses: ['/v1/responses', responses],
  'responses-thinking': ['/v1/responses', { ...responses, model: ACTING, reasoning: { effort: 'high' } }],
}

async function ask(path: string, request: object): Promise<{ contentType: string | null; body: string }> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(request) })
  const body = await answer.text()
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${body}`)
  return { contentType: answer.headers.get('content-type'), body }
}

await ask('/api/create', { model: ACTING, from: 'tiny-a', template: ACTING_TEMPLATE, stream: false })
for (const [name, [endpoint, request]] of Object.entries(QUESTIONS)) {
  const streamed = await ask(endpoint, { ...request, stream: true })
  const unstreamed = await ask(endpoint, { ...request, stream: false, stream_options: undefined })
  const recorded = { endpoint, streamed, unstreamed }
  writeFileSync(join(import.meta.dirname, `${name}.json`), `${JSON.stringify(recorded, null, 2)}\n`)
}
