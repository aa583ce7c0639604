// What clients that can't be installed here ask of an answer: each demand is a parser as strict as the client's own,
// by what was read in its source. A demand knows nothing of foreman; the real Ollama has to meet it as well.

import { expect } from 'vitest'
import type { Answer } from '../../ollama/exchange.ts'

export type Demand = (answer: Answer) => void

type Fields = Readonly<Record<string, unknown>>

const header = ({ headers }: Answer, wanted: string): string | undefined =>
  headers.find(([name]) => name.toLowerCase() === wanted)?.[1]

const text = ({ body }: Answer): string => body.toString('utf8')

/** Continue and Dify take no other status for success. */
export const ok: Demand = (answer) => {
  expect(answer.status, text(answer)).toBe(200)
  expect(answer.complete).toBe(true)
}

/** aiohttp parses nothing that does not say it is JSON. */
function json(answer: Answer): Fields {
  ok(answer)
  expect(header(answer, 'content-type')).toMatch(/^application\/json/)
  return JSON.parse(text(answer)) as Fields
}

const listOf = (fields: Fields, key: string): readonly Fields[] => {
  expect(fields[key]).toBeInstanceOf(Array)
  return fields[key] as readonly Fields[]
}

/** Enchanted asks every 5 s, and gave up on a 405 (its issue 64). */
export const isRunning: Demand = (answer) => {
  ok(answer)
  expect(['', 'Ollama is running']).toContain(text(answer))
}

/** Open WebUI makes a number of each part; VS Code wants 0.6.4 or later, Codex 0.13.4, or exactly 0.0.0. */
export const versionOfNumbers: Demand = (answer) => {
  const { version } = json(answer)
  expect(version).toMatch(/^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/)
  const [major = 0, minor = 0] = String(version).split('.').map(Number)
  expect(version === '0.0.0' || major > 0 || minor >= 14).toBe(true)
}

/** Zed and Roo refuse the whole list for one field of another type. */
export const strictTags: Demand = (answer) => {
  const models = listOf(json(answer), 'models')
  expect(models.length).toBeGreaterThan(0)
  for (const model of models) {
    expect(model).toMatchObject({
      name: expect.stringMatching(/.:./),
      model: expect.any(String),
      modified_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      size: expect.any(Number),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      details: {
        format: expect.any(String),
        family: expect.any(String),
        families: expect.any(Array),
        parameter_size: expect.any(String),
        quantization_level: expect.any(String),
      },
    })
  }
}

/** Codex pulls a model whose exact name it does not find. */
export const lists =
  (name: string): Demand =>
  (answer) => {
    expect(listOf(json(answer), 'models').map((model) => model['name'])).toContain(name)
  }

/** VS Code and AnythingLLM call `.includes` on it; Continue looks for the length of the context. */
export const capableShow: Demand = (answer) => {
  const { capabilities, details, model_info: info } = json(answer)
  expect(capabilities).toBeInstanceOf(Array)
  expect(details).toMatchObject({ family: expect.any(String), parameter_size: expect.any(String) })
  const architecture = (info as Fields)['general.architecture']
  expect((info as Fields)[`${architecture}.context_length`]).toBeTypeOf('number')
}

/** Python's `datetime.fromisoformat`, of Open WebUI, and the columns of Raycast. */
export const datedResidents: Demand = (answer) => {
  for (const model of listOf(json(answer), 'models')) {
    expect(model['expires_at']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/)
    expect(model).toMatchObject({ size_vram: expect.any(Number), context_length: expect.any(Number) })
  }
}

export const openaiModels: Demand = (answer) => {
  for (const model of listOf(json(answer), 'data')) expect(model['id']).toBeTypeOf('string')
}

/** The fields of every line by which Zed parses (serde, none may be missing), none of those by which Continue sees an error. */
export const strictLines: Demand = (answer) => {
  ok(answer)
  expect(header(answer, 'content-type')).toBe('application/x-ndjson')
  // A blank line breaks Open WebUI, Zed, and the clients in Go and Python.
  const lines = text(answer).replace(/\n$/, '').split('\n')
  const records = lines.map((line) => JSON.parse(line) as Fields)
  for (const record of records) {
    expect(record).toMatchObject({
      model: expect.any(String),
      created_at: expect.any(String),
      message: { role: 'assistant', content: expect.any(String) },
      done: expect.any(Boolean),
    })
    expect(Object.keys(record)).not.toContain('error')
    expect(Object.keys(record)).not.toContain('type')
  }
  expect(records.map(({ done }) => done)).toEqual(records.map((_, index) => index === records.length - 1))
  expect(records.at(-1)).toMatchObject({ done_reason: expect.any(String), ...counters })
}

const counters = {
  total_duration: expect.any(Number),
  load_duration: expect.any(Number),
  prompt_eval_count: expect.any(Number),
  eval_count: expect.any(Number),
  eval_duration: expect.any(Number),
}

/** n8n reads `response.message.content`. */
export const wholeChat: Demand = (answer) => {
  expect(json(answer)).toMatchObject({
    message: { role: 'assistant', content: expect.any(String) },
    done: true,
    ...counters,
  })
}

export const generated: Demand = (answer) => {
  expect(json(answer)).toMatchObject({ response: expect.any(String), done: true })
}

export const embedded: Demand = (answer) => {
  const [vector] = listOf(json(answer), 'embeddings')
  expect(vector).toContainEqual(expect.any(Number))
}

export const embeddedOnce: Demand = (answer) => {
  expect(listOf(json(answer), 'embedding')).toContainEqual(expect.any(Number))
}

/** Events of OpenAI's surface: comments are nothing, each data is JSON, the last is `[DONE]`, somebody says why it ended. */
export const openaiStream: Demand = (answer) => {
  ok(answer)
  expect(header(answer, 'content-type')).toBe('text/event-stream')
  const events = text(answer)
    .split('\n\n')
    .filter((event) => event !== '' && !event.startsWith(':'))
  expect(events.pop()).toBe('data: [DONE]')
  const chunks = events.map((event) => JSON.parse(event.replace(/^data: /, '')) as { choices: readonly Fields[] })
  expect(chunks.some(({ choices }) => typeof choices[0]?.['finish_reason'] === 'string')).toBe(true)
}

export const openaiWhole: Demand = (answer) => {
  expect(json(answer)).toMatchObject({ choices: [{ message: { role: 'assistant', content: expect.any(String) } }] })
}

/** What the page's browser asks before it hands the answer over. */
export const readableBy =
  (origin: string): Demand =>
  (answer) => {
    expect([origin, '*']).toContain(header(answer, 'access-control-allow-origin'))
  }

export const preflight =
  (...names: string[]): Demand =>
  (answer) => {
    expect(answer.status).toBe(204)
    expect(header(answer, 'access-control-allow-methods')).toContain('POST')
    const allowed = (header(answer, 'access-control-allow-headers') ?? '').toLowerCase()
    for (const name of names) expect(allowed).toContain(name)
  }
