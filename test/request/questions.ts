// Requests that Ollama refuses and foreman must refuse in the same way: each body at each endpoint that reads it. record.ts
// recorded the answers from real Ollamas of several versions, in this order.

import { zstdCompressSync } from 'node:zlib'
import type { EndpointPath } from '../../src/daemon/domain/endpoint.ts'

/** Paths of the target that answer with an error of their own. */
export type OllamaPath = EndpointPath | '/api/embed' | '/api/embeddings' | '/v1/embeddings' | '/v1/models'

export interface Question<Path extends OllamaPath = EndpointPath> {
  /** What is wrong with it. */
  readonly why: string
  readonly endpoint: Path
  readonly body: Buffer
  readonly headers: Record<string, string>
}

const NATIVE: readonly EndpointPath[] = ['/api/chat', '/api/generate']
const JSON_ENDPOINTS: readonly EndpointPath[] = [
  ...NATIVE,
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/messages',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/responses/compact',
]

/** Complete enough that every endpoint gets to its check of the model. */
const REST =
  '"messages":[{"role":"user","content":"x"}],"prompt":"x","input":"x","max_tokens":5,"image":"data:;base64,aaaa"'

const broken: readonly (readonly [why: string, body: string | Buffer])[] = [
  ['nothing was sent', ''],
  ['only white space was sent', ' \r\n\t '],
  ['an object that ends at once', '{'],
  ['an array that ends at once', '['],
  ['a string that does not end', '{"model":"tin'],
  ['an escape that does not end', '{"model":"\\u00'],
  ['half a literal', '{"stream":tru'],
  ['half a number', '{"a":-'],
  ['no JSON at all', 'hello'],
  ['a form instead of JSON', 'model=x&stream=false'],
  ['a value that is missing', '{"a":}'],
  ['a key without its value', '{"a"}'],
  ['a key without its colon', '{"a" 1}'],
  ['a key without quotes', '{a:1}'],
  ['single quotes', "{'a':1}"],
  ['a comma before the brace', '{"a":1,}'],
  ['a comma before the bracket', '{"a":[1,]}'],
  ['no comma between members', '{"a":1 "b":2}'],
  ['no comma between elements', '{"a":[1 2]}'],
  ['brackets that cross', '{"a":[1}'],
  ['NaN', '{"a":NaN}'],
  ['a plus sign', '{"a":+1}'],
  ['a leading zero', '{"a":01}'],
  ['a point without digits', '{"a":1.}'],
  ['an exponent without digits', '{"a":1e}'],
  ['a comment', '{/* x */"a":1}'],
  ['an unknown escape', '{"a":"\\x41"}'],
  ['a \\u without four hex digits', '{"a":"\\u12g4"}'],
  ['a bare line feed in a string', '{"a":"x\ny"}'],
  ['a NUL in a string', '{"a":"\u0000"}'],
  ['a wrong true', '{"a":tRue}'],
  ['a wrong null', '{"a":nil}'],
  ['a byte order mark', '\ufeff{}'],
  ['UTF-16', Buffer.from('\ufeff{}', 'utf16le')],
  ['gzip', Buffer.from([0x1f, 0x8b, 0x08, 0x00])],
  ['a no-break space', Buffer.from([0xa0])],
  ['a delete', Buffer.from([0x7f])],
  ['a backslash', '\\'],
  ['a nesting of more than 10 000', '['.repeat(10_001)],
  ['a document that is an array', '[{"model":"x"}]'],
  ['a document that is a string', '"x"'],
  ['a document that is a number', '-5.5'],
  ['a document that is a bool', 'true'],
]

const misfits: readonly (readonly [why: string, body: string])[] = [
  ['a null for a document', 'null'],
  ['nothing in the object', '{}'],
  ['no model', `{${REST}}`],
  ['an empty model', `{"model":"",${REST}}`],
  ['a null model', `{"model":null,${REST}}`],
  ['a model that is a number', `{"model":5,${REST}}`],
  ['a model that is a bool', `{"model":true,${REST}}`],
  ['a model that is an object', `{"model":{"name":"x"},${REST}}`],
  ['a model that is an array', `{"model":["x"],${REST}}`],
  ['a model with a space', `{"model":"a b",${REST}}`],
  ['a model with a path that climbs', `{"model":"../../x",${REST}}`],
  ['a model without a tag behind its colon', `{"model":"x:",${REST}}`],
  ['a model with two colons', `{"model":"x:20b:40b",${REST}}`],
  ['a model of 81 letters', `{"model":"${'x'.repeat(81)}",${REST}}`],
  ['a model with a digest', `{"model":"x@sha256:0",${REST}}`],
  ["a model of HTML's letters", `{"model":"<&>\\u2028\\u007f\\ud800 \\"",${REST}}`],
  ['a model outside ASCII', `{"model":"\\ud83d\\ude00 é",${REST}}`],
]

/** Only where the endpoint reads the key at all. */
const streams: readonly (readonly [why: string, body: string])[] = [
  ['a stream that is a string', `{"model":"x","stream":"yes",${REST}}`],
  ['a stream that is a number', `{"model":"x","stream":1,${REST}}`],
  ['two wrong types, the earlier one told', `{"stream":1,"model":2,${REST}}`],
]

const native: readonly (readonly [why: string, body: string])[] = [
  ['options that are a string', '{"model":"x","options":"a"}'],
  ['options that are an array', '{"model":"x","options":[]}'],
  ['a keep_alive that is a bool', '{"model":"x","keep_alive":true}'],
  ['a keep_alive that is an array', '{"model":"x","keep_alive":[]}'],
  ['a keep_alive that is an object', '{"model":"x","keep_alive":{}}'],
  ['a keep_alive without a unit', '{"model":"x","keep_alive":"30"}'],
  ['a keep_alive of an unknown unit', '{"model":"x","keep_alive":"3 days"}'],
  ['a keep_alive of nothing', '{"model":"x","keep_alive":""}'],
  ['a keep_alive of words', '{"model":"x","keep_alive":"for \\"ever\\" é"}'],
  ['a keep_alive that is too long', '{"model":"x","keep_alive":"3000000h"}'],
  ['a wrong keep_alive behind another wrong type', '{"model":5,"keep_alive":"30"}'],
  ['a wrong keep_alive before another wrong type', '{"keep_alive":"30","model":5}'],
]

const ask = <Path extends OllamaPath>(
  endpoint: Path,
  [why, body]: readonly [string, string | Buffer],
): Question<Path> => ({
  why,
  endpoint,
  body: typeof body === 'string' ? Buffer.from(body) : body,
  headers: { 'content-type': 'application/json' },
})

const invalidUtf8 = (endpoint: EndpointPath): Question =>
  ask(endpoint, ['a model of broken bytes', Buffer.from(`{"model":"\xe9\xff\xed\xa0\x80",${REST}}`, 'latin1')])

export const QUESTIONS: readonly Question[] = [
  ...JSON_ENDPOINTS.flatMap((endpoint) => [...broken, ...misfits].map((row) => ask(endpoint, row))),
  ...JSON_ENDPOINTS.map(invalidUtf8),
  ...JSON_ENDPOINTS.slice(0, 6).flatMap((endpoint) => streams.map((row) => ask(endpoint, row))),
  ...NATIVE.flatMap((endpoint) => native.map((row) => ask(endpoint, row))),
  ask('/api/chat', ['messages that are a string', '{"model":"x","messages":"hi"}']),
  ask('/api/chat', ['messages that are an object', '{"model":"x","messages":{}}']),
  ask('/api/generate', ['a prompt that is an array', '{"model":"x","prompt":["hi"]}']),
  ask('/api/generate', ['a prompt that is a number', '{"model":"x","prompt":5}']),
  ask('/v1/chat/completions', ['messages that are a string', '{"model":"x","messages":"hi"}']),
  ask('/v1/chat/completions', ['messages that are empty', '{"model":"x","messages":[ ]}']),
  ask('/v1/chat/completions', ['messages that are null', '{"model":"x","messages":null}']),
  ask('/v1/images/generations', ['a prompt that is a number', '{"model":"x","prompt":5}']),
  ask('/v1/images/generations', ['a prompt that is empty', '{"model":"x","prompt":""}']),
  ask('/v1/images/edits', ['a prompt that is missing', '{"model":"x"}']),
]

const COMPACTING: readonly EndpointPath[] = ['/v1/responses', '/v1/responses/compact']
const COMPRESSED: readonly EndpointPath[] = [...COMPACTING, '/v1/chat/completions', '/v1/completions', '/v1/messages']
const whole = zstdCompressSync(`{"model":"x",${REST}}`)

/** Requests that only Ollama 0.34 and newer refuses, or refuses with this message. */
export const NEWER_QUESTIONS: readonly Question[] = [
  ...COMPACTING.map((endpoint) => ask(endpoint, ['a second document behind the first', '{"model":"x"} {"a":1}'])),
  ...COMPACTING.map((endpoint) => ask(endpoint, ['something behind the document', '{"model":"x"}\n\u0000'])),
  ...COMPACTING.map((endpoint) => ask(endpoint, ['a model of white space', `{"model":" \\t",${REST}}`])),
  ...COMPRESSED.flatMap((endpoint) =>
    [
      ['half a zstd body', whole.subarray(0, 20)] as const,
      ['no zstd body', '{"model":"x"}'] as const,
      ['a zstd body of broken JSON', zstdCompressSync('{"model":')] as const,
    ].map((row) => {
      const question = ask(endpoint, row)
      return { ...question, headers: { ...question.headers, 'content-encoding': 'zstd' } }
    }),
  ),
]

/** Missing models, at every path that reports them. */
export const STRANGERS: readonly Question<OllamaPath>[] = [
  ...JSON_ENDPOINTS,
  '/api/embed' as const,
  '/api/embeddings' as const,
  '/v1/embeddings' as const,
].map((endpoint) => ask<OllamaPath>(endpoint, ['a model that is not there', `{"model":"nope",${REST}}`]))

const keepAlives = [
  '0',
  '-0',
  '0.0',
  '1e-10',
  '1e-9',
  '0.5',
  '-1',
  '300',
  '"0"',
  '"0s"',
  '"-0"',
  '"+0"',
  '"0h0m0.0s"',
  '"0.9ns"',
  '"1ns"',
  '"-0.9ns"',
  '"-1s"',
  '"5m"',
  'null',
]

/** Empty requests to an existing model, which load or unload it. Recording them needs the model `tiny-a`. */
export const QUIET: readonly Question[] = [
  ...NATIVE.flatMap((endpoint) =>
    keepAlives.map((value) => ask(endpoint, [`keep_alive ${value}`, `{"model":"tiny-a","keep_alive":${value}}`])),
  ),
  ask('/api/chat', ['no keep_alive', '{"model":"tiny-a"}']),
  ask('/api/chat', ['empty messages', '{"messages":[ \n],"model":"tiny-a","keep_alive":0}']),
  ask('/api/chat', ['null messages', '{"messages":null,"model":"tiny-a","keep_alive":0}']),
  ask('/api/chat', ['a prompt, which is not for chat', '{"prompt":"hi","model":"tiny-a","keep_alive":0}']),
  ask('/api/generate', ['no keep_alive', '{"model":"tiny-a"}']),
  ask('/api/generate', ['an empty prompt', '{"prompt":"","model":"tiny-a","keep_alive":0}']),
  ask('/api/generate', ['a null prompt', '{"prompt":null,"model":"tiny-a","keep_alive":0}']),
  ask('/api/generate', ['a system prompt', '{"system":"be kind","model":"tiny-a","keep_alive":0}']),
  ask('/api/generate', ['a suffix', '{"suffix":"}","model":"tiny-a","keep_alive":0}']),
  ask('/api/generate', ['an image', '{"images":["aaaa"],"model":"tiny-a","keep_alive":0}']),
  ask('/api/generate', ['a raw image, loaded', '{"raw":true,"images":["aaaa"],"model":"tiny-a"}']),
  ask('/api/generate', [
    'messages, which are not for generate',
    '{"messages":[{"role":"user"}],"model":"tiny-a","keep_alive":0}',
  ]),
  ask('/api/generate', ['a second document behind the first', '{"model":"tiny-a","keep_alive":0}{"prompt":"hi"}']),
]
