// Requests that Ollama refuses get the same status, content type, shape, and sentences that clients match. The answers of
// real Ollamas are in recorded-VERSION.ndjson (written by record.ts).

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ENDPOINTS, type EndpointPath } from '../../src/daemon/domain/endpoint.ts'
import { hasChange, hasPath } from '../../src/daemon/domain/ollama-version.ts'
import { errorBody } from '../../src/daemon/http/error-body.ts'
import { unknownModel } from '../../src/daemon/request/ollama-error.ts'
import { NEWER_QUESTIONS, type OllamaPath, QUESTIONS, QUIET, type Question, STRANGERS } from './questions.ts'
import { readEncoded } from './reading.ts'
import type { Recorded } from './record.ts'

const VERSIONS = readdirSync(import.meta.dirname).flatMap((name) => /^recorded-(.*)\.ndjson$/.exec(name)?.[1] ?? [])
const ROUTER_404 = { status: 404, contentType: 'text/plain', body: '404 page not found' }

const withoutId = (answer: Recorded): Recorded => ({
  ...answer,
  body: answer.body.replace(/req_[0-9a-f]{24}/, 'req_…'),
})

/** Sentences that clients match. Other texts of Ollama come from Go's libraries; foreman uses its own. */
const MATCHED = /^model .* not found|^server busy|^missing request body$|^model is required$|^invalid model name$/

/** An answer. Its message is omitted unless Ollama's message is a sentence that clients match. */
function comparable(answer: Recorded, ollama: Recorded): Recorded {
  const message = messageIn(ollama.body)
  if (message !== null && MATCHED.test(message)) return withoutId(answer)
  const own = messageIn(answer.body)
  return withoutId({ ...answer, body: answer.body.replace(JSON.stringify(own), '"…"') })
}

function messageIn(body: string): string | null {
  const { error } = JSON.parse(body)
  return typeof error === 'string' ? error : (error?.message ?? null)
}

test('the recordings are of the oldest supported version and the newest tested one', () => {
  expect(VERSIONS).toEqual(expect.arrayContaining(['0.17.4', '0.34.4']))
})

describe.each(VERSIONS)('a request to Ollama %s', (version) => {
  const lines = readFileSync(new URL(`./recorded-${version}.ndjson`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
  const [ollama, ...answers] = lines.map((line) => JSON.parse(line))
  const all = [...QUESTIONS, ...STRANGERS, ...QUIET, ...NEWER_QUESTIONS]

  /** The requests with their answers, for the paths that the version has. */
  function answered<Path extends OllamaPath>(questions: readonly Question<Path>[]) {
    const from = all.indexOf(questions[0] as Question<OllamaPath>)
    return questions
      .map((question, i) => ({ ...question, answer: withoutId(answers[from + i]) }))
      .filter(({ endpoint }) => hasPath(version, endpoint))
  }

  const read = ({ endpoint, body, headers }: Question) => {
    const { 'content-encoding': coding = null, 'content-type': type = null } = headers
    return readEncoded(endpoint, body, coding, type, { version })
  }

  test('is recorded for each question', () => {
    expect(ollama).toEqual({ version })
    expect(answers).toHaveLength(all.length)
  })

  test('is routed if this version has the path', () => {
    const missing = [...QUESTIONS, ...STRANGERS].filter(({ endpoint }) => !hasPath(version, endpoint))
    for (const question of missing) expect(answers[all.indexOf(question)]).toEqual(ROUTER_404)
    const there = [...QUESTIONS, ...STRANGERS].filter(({ endpoint }) => hasPath(version, endpoint))
    for (const question of there) expect(answers[all.indexOf(question)]).not.toEqual(ROUTER_404)
  })

  test.each(answered([...QUESTIONS]).concat(hasChange(version, 'compaction') ? answered([...NEWER_QUESTIONS]) : []))(
    '$endpoint: $why',
    async ({ answer, ...question }) => {
      const reading = await read(question)
      if (reading.kind !== 'refused') throw new Error(`taken for a ${reading.kind}; Ollama says ${answer.body}`)
      const { status, message, code, speaker } = reading
      const said = errorBody(ENDPOINTS[question.endpoint].dialect, status, message, code, version, speaker)
      expect(comparable({ status, ...said }, answer)).toEqual(comparable(answer, answer))
      expect(code).toBeNull()
    },
  )

  // Embeddings are passed on, so the error is the target's own.
  const queued = answered(STRANGERS).filter(({ endpoint }) => endpoint in ENDPOINTS)
  test.each(queued)('$endpoint: $why', ({ endpoint, answer }) => {
    const { status, message } = unknownModel('nope')
    const said = errorBody(ENDPOINTS[endpoint as EndpointPath].dialect, status, message, null, version)
    expect(withoutId({ status, ...said })).toEqual(answer)
  })

  test.each(answered(QUIET))('$endpoint, quiet: $why', async ({ answer, ...question }) => {
    const reading = await read(question)
    if (reading.kind === 'refused') throw new Error(`refused: ${reading.message}; Ollama says ${answer.body}`)
    expect(reading.submission.loadOnly).toBe(true)
    const { done_reason } = JSON.parse(answer.body)
    expect(reading.kind).toBe(done_reason === 'unload' ? 'unload' : 'submission')
  })
})
