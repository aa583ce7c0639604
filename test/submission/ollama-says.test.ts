// A request that Ollama refuses for what foreman reads of it is refused alike: status, type, framing, every byte. The answers
// of a real one lie in recorded.ndjson (record.ts wrote them).

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ENDPOINTS, type EndpointPath } from '../../src/daemon/endpoint.ts'
import { errorBody, type Surface } from '../../src/daemon/http/error-body.ts'
import { type OllamaPath, unknownModel } from '../../src/daemon/request/ollama-error.ts'
import { readSubmission } from '../../src/daemon/request/submission.ts'
import { QUESTIONS, QUIET, STRANGERS } from './questions.ts'
import type { Recorded } from './record.ts'

const lines = readFileSync(new URL('./recorded.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
const [ollama, ...answers] = lines.map((line) => JSON.parse(line))
const VERSION = '0.17.4'

const withoutId = (answer: Recorded): Recorded => ({
  ...answer,
  body: answer.body.replace(/req_[0-9a-f]{24}/, 'req_…'),
})

const answered = <Q>(questions: readonly Q[], from = 0): (Q & { answer: Recorded })[] =>
  questions.map((question, i) => ({ ...question, answer: withoutId(answers[from + i]) }))

test('the recording is of these questions', () => {
  expect(ollama).toEqual({ version: VERSION })
  expect(answers).toHaveLength(QUESTIONS.length + STRANGERS.length + QUIET.length)
})

test.each(answered(QUESTIONS))('$endpoint: $why', ({ endpoint, body, headers, answer }) => {
  const request = { body: new Uint8Array(body), contentType: headers['content-type'] ?? null, contentEncoding: null }
  const reading = readSubmission(endpoint, request, { keepAlive: '30m', version: VERSION })
  if (reading.kind !== 'refused') throw new Error(`taken for a ${reading.kind}; Ollama says ${answer.body}`)
  const { status, message, code, speaker } = reading
  const said = errorBody(ENDPOINTS[endpoint].dialect, status, message, code, VERSION, speaker)
  expect(withoutId({ status, ...said })).toEqual(answer)
  expect(code).toBeNull()
})

const surfaceOf = (path: OllamaPath): Surface =>
  path in ENDPOINTS ? ENDPOINTS[path as EndpointPath].dialect : path.startsWith('/api/') ? 'native' : 'openai'

test.each(answered(STRANGERS, QUESTIONS.length))('$endpoint: $why', ({ endpoint, answer }) => {
  const { status, message } = unknownModel(endpoint, 'nope')
  expect(withoutId({ status, ...errorBody(surfaceOf(endpoint), status, message, null, VERSION) })).toEqual(answer)
})

test.each(answered(QUIET, QUESTIONS.length + STRANGERS.length))(
  '$endpoint, quiet: $why',
  ({ endpoint, body, answer }) => {
    const request = { body: new Uint8Array(body), contentType: null, contentEncoding: null }
    const reading = readSubmission(endpoint, request, { keepAlive: '30m', version: VERSION })
    if (reading.kind === 'refused') throw new Error(`refused: ${reading.message}; Ollama says ${answer.body}`)
    expect(reading.submission.loadOnly).toBe(true)
    const { done_reason } = JSON.parse(answer.body)
    expect(reading.kind).toBe(done_reason === 'unload' ? 'unload' : 'submission')
  },
)
