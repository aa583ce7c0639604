// Fuzz target: the reading of an answer does not depend on the slicing of its bytes, its records equal those of a simple
// reader, and a verdict never changes.

import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { AnswerBuffer } from '../../../src/daemon/answer/answer-buffer.ts'
import { createCompletionDetector } from '../../../src/daemon/answer/completion-detector.ts'
import { createRecordParser } from '../../../src/daemon/answer/records.ts'
import type { Verdict } from '../../../src/daemon/domain/attempt.ts'
import type { AnswerRecord } from '../../../src/daemon/domain/endpoint.ts'
import { ENDPOINTS, type EndpointPath } from '../../../src/daemon/domain/endpoint.ts'
import { anyText } from '../../any-text.ts'
import type { FuzzTurn } from '../target.ts'

export const name = 'answer-slicing'

const BATCH = 50

const STREAMING: readonly EndpointPath[] = [
  '/api/chat',
  '/api/generate',
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/messages',
  '/v1/responses',
]

const text = anyText({ maxLength: 12 })
const json = (value: fc.Arbitrary<unknown>): fc.Arbitrary<string> => value.map((one) => JSON.stringify(one))

/** Documents that mean something to one of the dialects, and some that mean nothing. */
const document = fc.oneof(
  json(fc.record({ message: fc.record({ content: text }), done: fc.boolean() })),
  json(fc.record({ response: text, done_reason: text })),
  json(fc.record({ error: fc.oneof(text, fc.record({ message: text })) })),
  json(
    fc.record({
      choices: fc.array(fc.record({ index: fc.nat(2), delta: fc.record({ content: text }) }), { maxLength: 2 }),
    }),
  ),
  json(
    fc.record({
      type: fc.constantFrom('message_start', 'content_block_delta', 'message_stop', 'response.completed', 'error'),
    }),
  ),
  json(fc.record({ done: fc.constant(true), eval_count: fc.oneof(fc.double(), fc.maxSafeInteger()) })),
  fc.constantFrom('[DONE]', '{}', '{', '{"a":', 'null', '[1]', '"text"', '<html>'),
  text,
)

const lineEnd = fc.constantFrom('\n', '\r\n', '\n\n', ' \n', '\r\r\n')
const line = fc.tuple(document, lineEnd).map(([content, end]) => content + end)
const fieldLine = fc
  .tuple(
    fc.constantFrom('data:', 'data: ', 'data:  ', 'event: ', 'event:', ': ', 'id: ', 'retry: ', 'DATA: ', ''),
    document,
  )
  .map(([field, content]) => field + content)
const event = fc
  .tuple(fc.array(fieldLine, { maxLength: 3 }), fc.constantFrom('\n', '\r\n'), fc.constantFrom('\n', '\r\n', ''))
  .map(([fields, end, blank]) => fields.map((field) => field + end).join('') + blank)

const answer = fc.record({
  endpoint: fc.constantFrom(...STREAMING),
  start: fc.constantFrom('', '\ufeff', ' ', '\n', '\r\n'),
  parts: fc.array(fc.oneof(line, event), { maxLength: 8 }),
  cuts: fc.array(fc.nat(), { maxLength: 12 }),
  byteByByte: fc.boolean(),
})

interface Read {
  readonly records: readonly { readonly event: string | null; readonly data: string }[]
  readonly verdicts: readonly [Verdict, Verdict]
  readonly measured: unknown
}

function slicesOf(bytes: Buffer, cuts: readonly number[], byteByByte: boolean): Buffer[] {
  const places = byteByByte ? bytes.keys() : cuts.map((cut) => cut % (bytes.length + 1))
  const sorted = [...new Set([0, ...places, bytes.length])].sort((a, b) => a - b)
  // Each slice is overwritten after it was read, so the reader must copy what it keeps.
  return sorted.slice(1).map((end, index) => Buffer.from(bytes.subarray(sorted[index], end)))
}

/** `asks`: the marker is asked after each slice, which must change nothing. */
function read(endpoint: EndpointPath, slices: readonly Buffer[], asks = false): Read {
  const records: { event: string | null; data: string }[] = []
  const cutter = createRecordParser(endpoint, true, ({ event: named, data }: AnswerRecord) =>
    records.push({ event: named, data: data.toString('latin1') }),
  )
  const marker = createCompletionDetector(endpoint, true)
  let kept = 0
  const keeper = new AnswerBuffer(endpoint, true, false, () => {
    kept++
  })
  const whole = Buffer.concat(slices)
  let decided: Verdict | null = null
  for (const slice of slices) {
    cutter.push(slice)
    keeper.push(slice)
    marker.push(slice)
    slice.fill(0x7d)
    if (decided !== null) deepStrictEqual(marker.verdict(), decided, 'a verdict that was decided has changed')
    if (marker.isDecided) decided = marker.verdict()
    if (asks) [marker.verdict(true), marker.verdict(), marker.measured()]
  }
  cutter.end()
  keeper.end()
  deepStrictEqual(Buffer.concat(keeper.chunks), whole, 'the kept bytes are other bytes')
  deepStrictEqual(kept, records.length, 'the keeper counts other records than the cutter')
  keeper.output('x/y', true)
  return { records, verdicts: [marker.verdict(), marker.verdict(true)], measured: marker.measured() }
}

const trimmed = (record: string): string => record.replace(/^[\0-\x20]+|[\0-\x20]+$/g, '')
const withoutMark = (record: string): string => record.replace(/^\xef\xbb\xbf/, '')

/** Records of the whole text by a simple reader, with one character for each byte. */
function plainRecords(endpoint: EndpointPath, whole: string): Read['records'] {
  const lines = whole.split('\n').map((one) => one.replace(/\r$/, ''))
  if (ENDPOINTS[endpoint].dialect === 'native') {
    const kept = lines.map((one) => trimmed(withoutMark(one))).filter((one) => one !== '')
    return kept.map((data) => ({ event: null, data }))
  }
  const records: { event: string | null; data: string }[] = []
  let data: string[] = []
  let named: string | null = null
  // The end of the answer dispatches an event, like a blank line.
  for (const one of [...lines.map(withoutMark), '']) {
    if (one === '') {
      const joined = trimmed(withoutMark(data.join('\n')))
      if (joined !== '') records.push({ event: named === '' ? null : named, data: joined })
      data = []
      named = null
    } else if (one.startsWith('{')) data.push(one)
    else if (one.startsWith('data:')) data.push(one.slice(one[5] === ' ' ? 6 : 5))
    else if (one.startsWith('event:'))
      named = Buffer.from(one.slice(one[6] === ' ' ? 7 : 6), 'latin1')
        .toString()
        .trim()
  }
  return records
}

const property = fc.property(answer, ({ endpoint, start, parts, cuts, byteByByte }) => {
  const bytes = Buffer.from(start + parts.join(''))
  const atOnce = read(endpoint, [Buffer.from(bytes)])
  const sliced = read(endpoint, slicesOf(bytes, cuts, byteByByte))
  deepStrictEqual(sliced, atOnce, 'sliced otherwise, it is read otherwise')
  const asked = read(endpoint, slicesOf(bytes, cuts, byteByByte), true)
  deepStrictEqual(asked, atOnce, 'asked in between, it is read otherwise')
  deepStrictEqual(atOnce.records, plainRecords(endpoint, bytes.toString('latin1')), 'a plain reader reads otherwise')
})

/** Texts of a model that look like the end of an answer. */
const lookalike = fc.oneof(
  text,
  fc.constantFrom('{"done":true}', '\n\ndata: [DONE]\n\n', 'event: message_stop', '[DONE]'),
)

/** Records before the last one, and the last one, of each dialect. */
const WELL_FORMED: Readonly<Record<string, readonly [record: (text: string) => string, last: string]>> = {
  '/api/chat': [(content) => `${JSON.stringify({ message: { content }, done: false })}\n`, '{"done":true}\n'],
  '/v1/chat/completions': [
    (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`,
    'data: [DONE]\n\n',
  ],
  '/v1/messages': [
    (content) =>
      `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { text: content } })}\n\n`,
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ],
  '/v1/responses': [
    (delta) =>
      `event: response.output_text.delta\ndata: ${JSON.stringify({ type: 'response.output_text.delta', delta })}\n\n`,
    'event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed"}}\n\n',
  ],
}

const wellFormed = fc.record({
  endpoint: fc.constantFrom(...(Object.keys(WELL_FORMED) as EndpointPath[])),
  texts: fc.array(lookalike, { maxLength: 5 }),
  cut: fc.nat(),
})

const cutProperty = fc.property(wellFormed, ({ endpoint, texts, cut }) => {
  const [record, last] = WELL_FORMED[endpoint] ?? [String, '']
  const before = Buffer.from(texts.map(record).join(''))
  const whole = createCompletionDetector(endpoint, true)
  whole.push(Buffer.concat([before, Buffer.from(last)]))
  deepStrictEqual(whole.verdict(), { kind: 'complete' })
  const marker = createCompletionDetector(endpoint, true)
  marker.push(before.subarray(0, cut % (before.length + 1)))
  for (const isCut of [false, true])
    deepStrictEqual(marker.verdict(isCut).kind, 'incomplete', 'a truncated answer is not called incomplete')
})

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  let cases = 0
  for (let batch = 0; batch === 0 || !until(); batch++) {
    fc.assert(property, { seed: seed + batch, numRuns: BATCH, includeErrorInReport: true })
    fc.assert(cutProperty, { seed: seed + batch, numRuns: BATCH, includeErrorInReport: true })
    cases += 2 * BATCH
  }
  return { cases }
}
