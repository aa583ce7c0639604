// Bytes of Ollama's answers as 0.17.4 writes them (recorded from a real one).

export interface Said {
  readonly model: string
  readonly tokens: readonly string[]
  readonly promptTokens: number
  /** The model had to be loaded first. */
  readonly loaded: boolean
}

export interface Answer {
  readonly contentType: string
  /** Chunks that are written at once: one record each, except the end of OpenAI's. The last has the terminal marker. */
  readonly records: readonly string[]
}

const CREATED_AT = '2026-01-06T12:00:00.123456789Z'
const CREATED = 1767700800
const JSON_UTF8 = 'application/json; charset=utf-8'
const line = (document: object): string => `${JSON.stringify(document)}\n`
const data = (document: object): string => `data: ${JSON.stringify(document)}\n\n`
const event = (type: string, document: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...document })}\n\n`

const durations = ({ tokens, promptTokens, loaded }: Said) => ({
  total_duration: 6_044_010,
  load_duration: loaded ? 1_500_000_000 : 1_905_264,
  prompt_eval_count: promptTokens,
  prompt_eval_duration: 829_743,
  eval_count: tokens.length,
  eval_duration: 1_880_455,
})

type Shape = (text: string) => object
const chatShape: Shape = (content) => ({ message: { role: 'assistant', content } })
const generateShape: Shape = (response) => ({ response })

function nativeAnswer(said: Said, stream: boolean, shape: Shape): Answer {
  const base = { model: said.model, created_at: CREATED_AT }
  const end = { done: true, done_reason: 'stop', ...durations(said) }
  if (!stream) {
    return { contentType: JSON_UTF8, records: [JSON.stringify({ ...base, ...shape(said.tokens.join('')), ...end })] }
  }
  const records = said.tokens.map((token) => line({ ...base, ...shape(token), done: false }))
  return { contentType: 'application/x-ndjson', records: [...records, line({ ...base, ...shape(''), ...end })] }
}

/** A native chat or generate with an empty prompt. */
export function loadAnswer(model: string, path: string, reason: 'load' | 'unload'): Answer {
  const shape = path === '/api/chat' ? chatShape : generateShape
  const document = { model, created_at: CREATED_AT, ...shape(''), done: true, done_reason: reason }
  return { contentType: JSON_UTF8, records: [JSON.stringify(document)] }
}

const usageOf = ({ tokens, promptTokens }: Said) => ({
  prompt_tokens: promptTokens,
  completion_tokens: tokens.length,
  total_tokens: promptTokens + tokens.length,
})

function openaiChat(said: Said, stream: boolean, withUsage: boolean): Answer {
  const base = { created: CREATED, model: said.model, system_fingerprint: 'fp_ollama' }
  if (!stream) {
    const choice = { index: 0, message: { role: 'assistant', content: said.tokens.join('') }, finish_reason: 'stop' }
    const document = { id: 'chatcmpl-65', object: 'chat.completion', ...base, choices: [choice], usage: usageOf(said) }
    return { contentType: 'application/json', records: [line(document)] }
  }
  const chunk = { id: 'chatcmpl-65', object: 'chat.completion.chunk', ...base }
  const delta = (content: string, finish_reason: string | null) =>
    data({ ...chunk, choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason }] })
  const records = said.tokens.map((token) => delta(token, null))
  const usage = withUsage ? data({ ...chunk, choices: [], usage: usageOf(said) }) : ''
  return { contentType: 'text/event-stream', records: [...records, `${delta('', 'stop')}${usage}data: [DONE]\n\n`] }
}

function openaiCompletion(said: Said, stream: boolean): Answer {
  const tail = { model: said.model, system_fingerprint: 'fp_ollama' }
  const head = { id: 'cmpl-65', object: 'text_completion', created: CREATED }
  const choice = (text: string, finish_reason: string | null) => [{ text, index: 0, finish_reason }]
  if (!stream) {
    const document = { ...head, ...tail, choices: choice(said.tokens.join(''), 'stop'), usage: usageOf(said) }
    return { contentType: 'application/json', records: [line(document)] }
  }
  const records = said.tokens.map((token) => data({ ...head, choices: choice(token, null), ...tail }))
  const end = `${data({ ...head, choices: choice('', 'stop'), ...tail })}data: [DONE]\n\n`
  return { contentType: 'text/event-stream', records: [...records, end] }
}

function anthropicAnswer(said: Said, stream: boolean): Answer {
  const message = { id: 'msg_0123456789abcdef01234567', type: 'message', role: 'assistant', model: said.model }
  const usage = { input_tokens: said.promptTokens, output_tokens: said.tokens.length }
  if (!stream) {
    const content = [{ type: 'text', text: said.tokens.join('') }]
    return { contentType: 'application/json', records: [line({ ...message, content, stop_reason: 'end_turn', usage })] }
  }
  const opening = { ...message, content: [], usage: { input_tokens: 1, output_tokens: 0 } }
  return {
    contentType: 'text/event-stream',
    records: [
      event('message_start', { message: opening }),
      event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      ...said.tokens.map((text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
      event('content_block_stop', { index: 0 }),
      event('message_delta', { delta: { stop_reason: 'end_turn' }, usage }),
      event('message_stop', {}),
    ],
  }
}

function responsesAnswer(said: Said, stream: boolean): Answer {
  const response = (status: string, text: string | null) => ({
    id: 'resp_353527',
    object: 'response',
    created_at: CREATED,
    error: null,
    incomplete_details: null,
    model: said.model,
    output:
      text === null
        ? []
        : [{ id: 'msg_175303', type: 'message', status, role: 'assistant', content: [{ type: 'output_text', text }] }],
    status,
    usage: text === null ? null : { input_tokens: said.promptTokens, output_tokens: said.tokens.length },
  })
  const whole = response('completed', said.tokens.join(''))
  if (!stream) return { contentType: 'application/json', records: [line(whole)] }
  const delta = (text: string, n: number) =>
    event('response.output_text.delta', { delta: text, item_id: 'msg_175303', output_index: 0, sequence_number: n + 1 })
  return {
    contentType: 'text/event-stream',
    records: [
      event('response.created', { response: response('in_progress', null), sequence_number: 0 }),
      ...said.tokens.map(delta),
      event('response.completed', { response: whole, sequence_number: said.tokens.length + 1 }),
    ],
  }
}

/** The endpoint's answer for this output of the model. */
export function answerOf(path: string, said: Said, stream: boolean, withUsage: boolean): Answer {
  switch (path) {
    case '/api/chat':
      return nativeAnswer(said, stream, chatShape)
    case '/api/generate':
      return nativeAnswer(said, stream, generateShape)
    case '/v1/chat/completions':
      return openaiChat(said, stream, withUsage)
    case '/v1/completions':
      return openaiCompletion(said, stream)
    case '/v1/messages':
      return anthropicAnswer(said, stream)
    case '/v1/responses':
      return responsesAnswer(said, stream)
    case '/v1/images/generations':
    case '/v1/images/edits':
      return {
        contentType: 'application/json',
        records: [line({ created: CREATED, data: [{ b64_json: 'iVBORw0K' }] })],
      }
    default:
      return { contentType: 'application/json', records: [line({ text: said.tokens.join('') })] }
  }
}

/** The error record in the middle of a stream, for its surface. */
export function errorRecord(contentType: string, message: string): string {
  if (contentType === 'text/event-stream')
    return data({ error: { message, type: 'api_error', param: null, code: null } })
  return line({ error: message })
}

/** The same error in an answer that is one document. */
export const errorDocument = (contentType: string, message: string): string =>
  contentType === JSON_UTF8 ? JSON.stringify({ error: message }) : line({ error: { message, type: 'api_error' } })

/** Four numbers made from the text, so that a test knows to which text an answer belongs. */
export function vectorOf(text: string): number[] {
  let sum = 7
  for (const char of text) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973
  return [0.1, 0.2, 0.3, sum / 9973]
}

export function embeddingAnswer(path: string, model: string, inputs: readonly string[]): Answer {
  if (path === '/api/embed') {
    const embeddings = inputs.map(vectorOf)
    const cost = { total_duration: 2_321_703, load_duration: 973_466, prompt_eval_count: inputs.length * 7 }
    const document = inputs.length === 0 ? { model, embeddings } : { model, embeddings, ...cost }
    return { contentType: JSON_UTF8, records: [JSON.stringify(document)] }
  }
  if (path === '/api/embeddings') {
    const embedding = inputs[0] === undefined ? [] : vectorOf(inputs[0])
    return { contentType: JSON_UTF8, records: [JSON.stringify({ embedding })] }
  }
  const items = inputs.map((text, index) => ({ object: 'embedding', embedding: vectorOf(text), index }))
  const usage = { prompt_tokens: inputs.length * 7, total_tokens: inputs.length * 7 }
  return { contentType: 'application/json', records: [line({ object: 'list', data: items, model, usage })] }
}
