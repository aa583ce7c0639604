// From the body of `POST /jobs` to a submission and its options: which keys are cut out, which bodies are refused and with
// which message. No other byte changes.

import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AsyncOptions, NO_OPTIONS, STATES } from '../../src/daemon/domain/job.ts'
import { JOB_ENDPOINTS, OWN_KEYS } from '../../src/daemon/request/job-options.ts'
import type { JobReading } from '../../src/daemon/request/job-submission.ts'
import { MESSAGES, readEncodedJob, readJobAtOnce, SETTINGS, sentText } from './reading.ts'

const URL = 'http://10.0.0.2/hook'

function read(
  body: string | Uint8Array,
  contentEncoding: string | null = null,
  contentType: string | null = 'application/json',
  settings: { version: string } = SETTINGS,
): JobReading {
  return readJobAtOnce({ body: new Uint8Array(Buffer.from(body as string)), contentType, contentEncoding }, settings)
}

function job(body: string): { text: string; options: AsyncOptions; endpoint: string } {
  const reading = read(body)
  if (reading.kind === 'refused') throw new Error(reading.message)
  const { submission, options } = reading
  return { text: Buffer.from(submission.body).toString(), options, endpoint: submission.endpoint }
}

function refusal(body: string | Uint8Array, encoding: string | null = null, type: string | null = 'application/json') {
  const reading = read(body, encoding, type)
  if (reading.kind !== 'refused') throw new Error('it was taken')
  const { status, code, message } = reading
  return { status, code, message }
}

describe("foreman's keys in a job submission", () => {
  test.each<[string, string, string]>([
    ['nothing where there is nothing', '{"model":"a" , "x":1}', '{"model":"a" , "x":1}'],
    ['the first', '{"label":"l","model":"a"}', '{"model":"a"}'],
    ['one in the middle', '{"model":"a","label":"l","x":1}', '{"model":"a","x":1}'],
    ['the last', '{"model":"a","label":"l"}', '{"model":"a"}'],
    ['two at the end', '{"model":"a","label":"l","start_before":"1s"}', '{"model":"a"}'],
    ['two at the start', '{"label":"l","start_before":"1s","model":"a"}', '{"model":"a"}'],
    ['on both sides', '{"label":"l","model":"a","start_before":"1s"}', '{"model":"a"}'],
    ['a null, too', '{"model":"a","label":null,"webhook_events":null}', '{"model":"a"}'],
    ['white space stays', '{ "label" : "l" ,\n  "model": "a" }\n', '{ \n  "model": "a" }\n'],
    ['white space before the last', '{\n  "model": "a",\n  "label": "l"\n}', '{\n  "model": "a"\n}'],
    [
      'commas inside of values are not these',
      '{"label":"a,b","model":"a","y":"x,y","z":[1,2]}',
      '{"model":"a","y":"x,y","z":[1,2]}',
    ],
    ['an escaped key', '{"l\\u0061bel":"x","model":"a"}', '{"model":"a"}'],
    ['nothing of deeper objects', '{"model":"a","x":{"label":1}}', '{"model":"a","x":{"label":1}}'],
    [
      'numbers stay',
      '{"model":"a","n":12345678901234567890,"label":"l","m":1.0}',
      '{"model":"a","n":12345678901234567890,"m":1.0}',
    ],
    ['what stands behind the document stays', '{"model":"a","label":"l"} rest, "label"', '{"model":"a"} rest, "label"'],
  ])('has an error for %s', (_name, body, left) => {
    expect(job(body).text).toBe(left)
  })

  test('are cut out before keep_alive is added', () => {
    const reading = read('{"label":"l","model":"a"}')
    expect(reading.kind === 'job' && sentText(reading.submission)).toBe('{"keep_alive":"30m","model":"a"}')
  })

  const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 3 })
  const own: Record<string, string> = {
    endpoint: '"/api/generate"',
    label: '"a,\\"b\\"}"',
    state_webhook_url: `"${URL}"`,
    webhook_events: '["done" , "failed"]',
    start_before: '"90s"',
    finish_before: 'null',
  }
  const member = fc.record({
    before: space,
    after: space,
    text: fc.oneof(
      fc.constantFrom(...OWN_KEYS).map((key) => ({ key, json: `"${key}" :${own[key] ?? ''}` })),
      fc
        .tuple(fc.string({ minLength: 1, maxLength: 4 }), fc.jsonValue())
        .map(([key, value]) => ({ key: `x${key}`, json: `${JSON.stringify(`x${key}`)}: ${JSON.stringify(value)}` })),
    ),
  })
  const isOwn = (key: string): boolean => (OWN_KEYS as readonly string[]).includes(key)

  test('are cut out without a change to any other byte, wherever they are', () => {
    const objects = fc.uniqueArray(member, { selector: ({ text }) => text.key, maxLength: 10 })
    fc.assert(
      fc.property(objects, fc.nat(10), (members, at) => {
        const model = { before: ' ', after: '', text: { key: 'model', json: '"model":"m"' } }
        const all = members.toSpliced(Math.min(at, members.length), 0, model)
        const lastKept = all.findLastIndex(({ text }) => !isOwn(text.key))
        const whole = `{${all.map(({ before, text, after }) => before + text.json + after).join(',')}}`
        const left = all.slice(0, lastKept + 1).map(({ before, text, after }, i) => {
          if (isOwn(text.key)) return before
          return before + text.json + after + (i < lastKept ? ',' : '')
        })
        const events = all.some(({ text }) => text.key === 'webhook_events')
        fc.pre(!events || all.some(({ text }) => text.key === 'state_webhook_url'))
        const behind = lastKept < all.length - 1 ? (all.at(-1)?.after ?? '') : ''
        expect(job(whole).text).toBe(`{${left.join('')}${behind}}`)
      }),
    )
  })
})

describe('the options of a job submission', () => {
  test.each<[string, string, Partial<AsyncOptions>]>([
    ['nothing', '', {}],
    ['a label', '"label":"nightly · 7"', { label: 'nightly · 7' }],
    ['a label of two hundred characters', `"label":"${'😀'.repeat(200)}"`, { label: '😀'.repeat(200) }],
    ['webhooks of every state', `"state_webhook_url":"${URL}"`, { webhookUrl: URL, webhookEvents: STATES }],
    [
      'webhooks of some, each once',
      `"webhook_events":["failed","done","done"],"state_webhook_url":"${URL}"`,
      { webhookUrl: URL, webhookEvents: ['done', 'failed'] },
    ],
    [
      'deadlines',
      '"start_before":"90s","finish_before":"8760h"',
      { startBeforeMs: 90_000, finishBeforeMs: 31_536_000_000 },
    ],
    ['nulls are nothing', '"label":null,"state_webhook_url":null,"webhook_events":null,"start_before":null', {}],
    ['an escape is what it stands for', '"label":"\\u0061\\/"', { label: 'a/' }],
    ['JSON, by a word', '"format":"json"', { isJson: true }],
    ['JSON, by a schema', '"format":{"type":"object"}', { isJson: true }],
    ['no JSON, by an empty word', '"format":""', {}],
    ['no JSON, by a null', '"format":"json","Format":null', {}],
    ['no JSON on another surface', '"response_format":{"type":"json_object"}', {}],
  ])('has an error for %s', (_name, members, options) => {
    const rest = members === '' ? '' : `,${members}`
    expect(job(`{"model":"a",${MESSAGES}${rest}}`).options).toEqual({ ...NO_OPTIONS, ...options })
  })

  test.each([
    ['/v1/chat/completions', '"response_format":{"type":"json_schema","json_schema":{}}', true],
    ['/v1/chat/completions', '"response_format":{"type":"json_object"}', true],
    ['/v1/chat/completions', '"Response_Format":{"TYPE":"json_object"}', true],
    ['/v1/chat/completions', '"response_format":{"type":"text"}', false],
    ['/v1/chat/completions', '"format":"json"', false],
    ['/v1/responses', '"text":{"format":{"name":"x","type":"json_schema"}}', true],
    ['/v1/responses', '"text":{"type":"json_schema"}', false],
    ['/v1/responses', '"text":"json_schema"', false],
    ['/v1/messages', '"format":"json"', false],
  ])('%s with %s are for JSON: %s', (endpoint, member, isJson) => {
    const { options } = job(`{"endpoint":"${endpoint}","model":"a",${MESSAGES},${member}}`)
    expect(options.isJson).toBe(isJson)
  })

  test.each(JOB_ENDPOINTS)('may name %s, which streams by default', (endpoint) => {
    const reading = read(`{"endpoint":"${endpoint}","model":"a","prompt":"x",${MESSAGES}}`)
    const stream = endpoint.startsWith('/api/')
    expect(reading).toMatchObject({ kind: 'job', submission: { endpoint, stream, loadOnly: false } })
  })

  test('may belong to a request that only unloads', () => {
    expect(read('{"model":"a","keep_alive":0,"label":"l"}')).toMatchObject({
      kind: 'job',
      submission: { loadOnly: true },
    })
  })

  test('are read with any content type, and without one', () => {
    for (const type of [null, 'text/plain', 'application/x-www-form-urlencoded'])
      expect(read('{"model":"a"}', null, type).kind).toBe('job')
  })
})

const ENDPOINTS_TEXT = JOB_ENDPOINTS.join(', ')
const EVENTS_TEXT =
  'it must be an array of one or more of "queued", "loading", "working", "done", "failed", "cancelled"'
const LABEL_TEXT = 'it must be a text of 1 to 200 characters, without control characters'
const DURATION_TEXT = 'it must be a duration from 1s to 8760h, as a text such as "90s", "30m" or "8h"'

describe('a job submission', () => {
  test.each<[string, string]>([
    ['"endpoint":"/api/embed"', `endpoint is "/api/embed": allowed are ${ENDPOINTS_TEXT}`],
    ['"endpoint":"/v1/audio/transcriptions"', `endpoint is "/v1/audio/transcriptions": allowed are ${ENDPOINTS_TEXT}`],
    ['"endpoint":"/API/chat"', `endpoint is "/API/chat": allowed are ${ENDPOINTS_TEXT}`],
    ['"endpoint":"__proto__"', `endpoint is "__proto__": allowed are ${ENDPOINTS_TEXT}`],
    ['"endpoint":7', `endpoint is 7: allowed are ${ENDPOINTS_TEXT}`],
    [`"endpoint":"${'x'.repeat(50)}"`, `endpoint is "${'x'.repeat(40)}"…: allowed are ${ENDPOINTS_TEXT}`],
    ['"label":""', `label is empty: ${LABEL_TEXT}`],
    ['"label":7', `label is 7: ${LABEL_TEXT}`],
    ['"label":{}', `label is an object: ${LABEL_TEXT}`],
    [`"label":"${'x'.repeat(201)}"`, `label has 201 characters: ${LABEL_TEXT}`],
    [`"label":"${'x'.repeat(20_000)}"`, `label is too long: ${LABEL_TEXT}`],
    ['"label":"a\\u001bb"', `label holds a control character: ${LABEL_TEXT}`],
    ['"label":"a\\u0085b"', `label holds a control character: ${LABEL_TEXT}`],
    [
      '"state_webhook_url":""',
      'state_webhook_url is empty: it must be an http or https URL of at most 2048 characters',
    ],
    [
      `"state_webhook_url":"http://h/${'x'.repeat(2048)}"`,
      'state_webhook_url is too long: it must be an http or https URL of at most 2048 characters',
    ],
    [
      '"state_webhook_url":[]',
      'state_webhook_url is an array: it must be an http or https URL of at most 2048 characters',
    ],
    [`"state_webhook_url":"${URL}","webhook_events":[]`, `webhook_events is empty: ${EVENTS_TEXT}`],
    [`"state_webhook_url":"${URL}","webhook_events":"done"`, `webhook_events is a text: ${EVENTS_TEXT}`],
    [
      `"state_webhook_url":"${URL}","webhook_events":["done" , "Failed"]`,
      `webhook_events holds "Failed": ${EVENTS_TEXT}`,
    ],
    [`"state_webhook_url":"${URL}","webhook_events":["done",["x"]]`, `webhook_events holds an array: ${EVENTS_TEXT}`],
    [`"state_webhook_url":"${URL}","webhook_events":[null]`, `webhook_events holds null: ${EVENTS_TEXT}`],
    ['"webhook_events":["done"]', 'webhook_events needs state_webhook_url: say where the webhooks go, or leave it out'],
    ['"start_before":30', `start_before is 30: ${DURATION_TEXT}`],
    ['"start_before":"30"', `start_before is "30", which has no unit (did you mean 30s?): ${DURATION_TEXT}`],
    ['"start_before":"-1s"', `start_before is "-1s", which is negative: ${DURATION_TEXT}`],
    ['"start_before":"0"', `start_before is "0", which is too short: ${DURATION_TEXT}`],
    ['"start_before":"999ms"', `start_before is "999ms", which is too short: ${DURATION_TEXT}`],
    ['"finish_before":"8761h"', `finish_before is "8761h", which is too long: ${DURATION_TEXT}`],
    ['"finish_before":"1d"', `finish_before is "1d", which has an unknown unit (did you mean 24h?): ${DURATION_TEXT}`],
    [
      '"finish_before":""',
      `finish_before is "", which is not a whole number followed by ms, s, m or h, such as 500ms, 30s, 5m or 24h: ${DURATION_TEXT}`,
    ],
  ])('has an error for %s', (members, message) => {
    expect(refusal(`{"model":"a",${members}}`)).toEqual({ status: 400, code: 'bad_request', message })
  })

  test('has all its errors reported together', () => {
    const { message } = refusal('{"finish_before":"x","label":1,"model":"a","endpoint":"/","webhook_events":7}')
    expect(message.split('; ').map((problem) => problem.split(' ', 1)[0])).toEqual([
      'endpoint',
      'label',
      'finish_before',
      'webhook_events',
      'webhook_events',
    ])
  })

  test.each([
    ['{"Label":"a","model":"a"}', 'ambiguous key "Label": write "label", once'],
    ['{"label":"a","model":"a","label":"b"}', 'ambiguous key "label": write "label", once'],
    ['{"startBefore":"1s","model":"a"}', 'ambiguous key "startBefore": write "start_before", once'],
    ['{"start-before":"1s","model":"a"}', 'ambiguous key "start-before": write "start_before", once'],
    ['{"\u017ftart_before":"1s","model":"a"}', 'ambiguous key "\u017ftart_before": write "start_before", once'],
    ['{"label":"l","model":"a","Model":"a"}', 'ambiguous key "Model": write "model", once'],
  ])('is refused with an ambiguous %s', (body, message) => {
    expect(refusal(body)).toEqual({ status: 400, code: 'ambiguous_key', message })
  })

  test.each([
    ['', 'missing request body'],
    [' \n', 'missing request body'],
    ['{"label":"l"', 'invalid JSON: it ends in the middle of a value'],
    ['{"label":1,}', 'invalid JSON: unexpected "}" at position 11'],
    ['[{"label":"l"}]', 'the body must be a JSON object, not an array'],
    ['{"label":"l"}', 'model is required'],
    ['null', 'model is required'],
    ['{"model":7,"label":"l"}', '"model" must be a string, not a number'],
  ])("with %j is refused with Ollama's error", (body, message) => {
    expect(refusal(body)).toEqual({ status: 400, code: null, message })
  })

  test('is refused if it is a form', () => {
    expect(refusal('--x--', null, 'multipart/form-data; boundary=x')).toMatchObject({
      status: 400,
      message: 'POST /jobs takes JSON, not a form',
    })
  })

  test('is refused with an unsupported encoding', () => {
    expect(refusal(gzipSync('{"model":"a"}'), 'gzip')).toMatchObject({ status: 415, code: 'unsupported_encoding' })
  })

  test("is refused with foreman's keys in an encoded body, from which they cannot be cut", async () => {
    const encoded = zstdCompressSync('{"model":"a","label":"l"}')
    expect(await readEncodedJob(encoded, 'zstd')).toMatchObject({
      status: 400,
      message: 'label cannot be cut out of an encoded body: send it without Content-Encoding',
    })
  })

  test("is passed on unchanged with an encoded body without foreman's keys", async () => {
    const encoded = zstdCompressSync('{"model":"a","format":"json"}')
    const reading = await readEncodedJob(encoded, 'zstd')
    expect(reading).toMatchObject({ kind: 'job', options: { ...NO_OPTIONS, isJson: true } })
    expect(reading.kind === 'job' && Buffer.from(reading.submission.body).equals(encoded)).toBe(true)
  })
})
