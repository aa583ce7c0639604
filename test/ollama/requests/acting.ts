// Requests that a model answers with thinking and tool calls, on every surface that has them.

import { ACTING, ACTING_TOOLS, TWO_CALLS } from '../acting-model.ts'
import { posted, type Row } from './row.ts'

const messages = [{ role: 'user', content: 'hello' }]
const options = { temperature: 0, seed: 1, num_predict: 8 }
const chat = { model: ACTING, messages, options }
const openai = { model: ACTING, messages, temperature: 0, seed: 1, max_tokens: 8 }
const response = { model: ACTING, input: 'hello', temperature: 0, max_output_tokens: 8 }
const long = { ...options, num_predict: 256 }

export interface ActingRequest {
  readonly what: string
  readonly path: string
  /** The body without `stream`, which the sender adds. */
  readonly body: object
  /** A text that only an answer with thinking or tool calls contains. */
  readonly shows: RegExp
  /** The first version that supports it. */
  readonly since?: string
}

export const ACTING_REQUESTS: readonly ActingRequest[] = [
  { what: 'a chat that thinks', path: '/api/chat', body: { ...chat, think: true }, shows: /"thinking":"/ },
  {
    ...{ what: 'a completion that thinks', path: '/api/generate', shows: /"thinking":"/ },
    body: { model: ACTING, prompt: 'hello', think: true, options },
  },
  {
    ...{ what: 'a chat completion that thinks', path: '/v1/chat/completions', shows: /"reasoning":"/ },
    body: openai,
  },
  {
    ...{ what: 'a message that thinks', path: '/v1/messages', shows: /"thinking":"/ },
    body: {
      model: ACTING,
      messages,
      temperature: 0,
      max_tokens: 8,
      thinking: { type: 'enabled', budget_tokens: 1024 },
    },
  },
  {
    ...{ what: 'a response that thinks', path: '/v1/responses', shows: /"type":"reasoning"/ },
    body: { ...response, reasoning: { effort: 'high' } },
  },
  {
    ...{ what: 'a chat that calls tools', path: '/api/chat', shows: /"tool_calls":\[\{/ },
    body: { ...chat, think: false, tools: ACTING_TOOLS, format: TWO_CALLS, options: long },
  },
  {
    ...{ what: 'a chat completion that calls tools', path: '/v1/chat/completions', shows: /"tool_calls":\[\{/ },
    body: {
      ...{ ...openai, max_tokens: 256, reasoning_effort: 'none', tools: ACTING_TOOLS },
      response_format: { type: 'json_schema', json_schema: { name: 'calls', schema: TWO_CALLS } },
    },
  },
  {
    ...{ what: 'a response that calls tools', path: '/v1/responses', shows: /"type":"function_call"/, since: '0.34.0' },
    body: {
      ...{ ...response, max_output_tokens: 256, reasoning: { effort: 'none' } },
      tools: ACTING_TOOLS.map(({ function: tool }) => ({ type: 'function', ...tool })),
      text: { format: { type: 'json_schema', name: 'calls', schema: TWO_CALLS } },
    },
  },
]

export const ACTING_ROWS: readonly Row[] = ACTING_REQUESTS.flatMap(({ what, path, body, shows, since }) =>
  [true, false].map((stream) => ({
    ...posted(`${what}${stream ? ', streamed' : ''}`, 200, path, { ...body, stream }),
    ...{ shows, ...(since === undefined ? {} : { since }) },
  })),
)
