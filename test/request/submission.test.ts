// From request bytes to a submission: which keys are read, which requests are refused. Only the one edit changes any bytes.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ENDPOINTS, type EndpointPath } from '../../src/daemon/domain/endpoint.ts'
import type { Submission } from '../../src/daemon/domain/job.ts'
import { MESSAGES, PATHS, read, readAtOnce, readEncoded, refused, SETTINGS, sentText, taken, text } from './reading.ts'

describe('a submission', () => {
  test.each<[string, EndpointPath, string, Partial<Submission>]>([
    [
      'a chat streams unless told',
      '/api/chat',
      `{"model":"a",${MESSAGES}}`,
      { model: 'a', stream: true, loadOnly: false },
    ],
    ['a chat told not to stream does not', '/api/chat', `{"model":"a",${MESSAGES},"stream":false}`, { stream: false }],
    ['a null stream counts as absent', '/api/chat', `{"model":"a",${MESSAGES},"stream":null}`, { stream: true }],
    ['a chat without messages loads', '/api/chat', '{"model":"a"}', { loadOnly: true }],
    ['a prompt says nothing to a chat', '/api/chat', '{"model":"a","prompt":"hi"}', { loadOnly: true }],
    [
      'a generate with a prompt speaks',
      '/api/generate',
      '{"model":"a","prompt":"hi"}',
      { loadOnly: false, stream: true },
    ],
    ['a blank in a prompt is a prompt', '/api/generate', '{"model":"a","prompt":" "}', { loadOnly: false }],
    ['an escape in a prompt is a prompt', '/api/generate', '{"model":"a","prompt":"\\u0000"}', { loadOnly: false }],
    ['an image without a prompt only loads', '/api/generate', '{"model":"a","images":["aaaa"]}', { loadOnly: true }],
    ['a suffix without a prompt only loads', '/api/generate', '{"model":"a","suffix":"}"}', { loadOnly: true }],
    ['OpenAI does not stream unless told', '/v1/chat/completions', `{"model":"a",${MESSAGES}}`, { stream: false }],
    ['OpenAI streams when told', '/v1/chat/completions', `{"model":"a",${MESSAGES},"stream":true}`, { stream: true }],
    ['a completion without a prompt is not a load', '/v1/completions', '{"model":"a"}', { loadOnly: false }],
    ['responses stream when told', '/v1/responses', '{"model":"a","input":"x","stream":true}', { stream: true }],
    [
      'messages stream when told',
      '/v1/messages',
      `{"model":"a","max_tokens":1,${MESSAGES},"stream":true}`,
      { stream: true },
    ],
    ['what messages lack besides is for the target to say', '/v1/messages', '{"model":"a"}', { model: 'a' }],
    ['an image never streams', '/v1/images/generations', '{"model":"a","prompt":"x","stream":true}', { stream: false }],
    [
      'a model keeps the spelling of its caller',
      '/api/chat',
      '{"model":"Reg.io/Ns/Tiny-A:Q4_0"}',
      { model: 'Reg.io/Ns/Tiny-A:Q4_0' },
    ],
    ['a model may be written in escapes', '/api/chat', '{"mod\\u0065l":"tin\\u0079"}', { model: 'tiny' }],
    ['white space is nothing', '/api/chat', ' \r\n{ "model" :\t"a" } \n', { model: 'a' }],
    ['what stands behind the document is nothing', '/api/chat', '{"model":"a"} {"model":"b"} trailing', { model: 'a' }],
    ['keys of deeper objects are not these', '/api/chat', '{"x":{"model":"b","Stream":1},"model":"a"}', { model: 'a' }],
    ['name is not an alias of model', '/api/chat', '{"model":"a","name":"b"}', { model: 'a' }],
    [
      'other keys may stand twice',
      '/api/chat',
      '{"model":"a","format":"json","format":null,"Think":1}',
      { model: 'a' },
    ],
    [
      "another endpoint's keys may stand twice",
      '/v1/responses',
      '{"model":"a","prompt":1,"Prompt":2,"Options":0}',
      { model: 'a' },
    ],
    ['an empty key is a key', '/api/chat', '{"":1,"model":"a","__proto__":{"model":"b"}}', { model: 'a' }],
    ['a cloud model is a model', '/api/chat', '{"model":"gpt-oss:120b-cloud"}', { affinity: 'cloud' }],
  ])('is right: %s', (_fact, endpoint, body, expected) => {
    const reading = read(endpoint, body)
    expect(taken(reading)).toMatchObject({ endpoint, ...expected })
    expect(reading.kind).toBe('submission')
  })

  test.each<[string, string, string]>([
    ['none set', '{}', 'a:latest'],
    [
      'every one that reloads',
      '{"num_thread":4,"num_ctx":8192,"use_mmap":false,"main_gpu":0,"num_gpu":-1,"num_batch":512}',
      'a:latest num_ctx=8192 num_batch=512 num_gpu=-1 main_gpu=0 use_mmap=false num_thread=4',
    ],
    ['none that only samples', '{"temperature":0.1,"seed":1,"stop":["x"]}', 'a:latest'],
    ['whole numbers, as Go makes them', '{"num_ctx":4096.9}', 'a:latest num_ctx=4096'],
    ['numbers however written', '{"num_ctx":4.096e3}', 'a:latest num_ctx=4096'],
    ['the last of two', '{"num_ctx":1024,"num_ctx":2048}', 'a:latest num_ctx=2048'],
    ['a null takes back', '{"num_ctx":1024,"num_ctx":null}', 'a:latest'],
    ['exact names only: options are a map', '{"Num_Ctx":1024}', 'a:latest'],
    ['nothing of what the target will refuse', '{"num_ctx":"8192","num_gpu":[1],"use_mmap":{}}', 'a:latest'],
    ['nothing from deeper down', '{"x":{"num_ctx":1}}', 'a:latest'],
  ])('has its options in the affinity: %s', (_fact, options, affinity) => {
    expect(taken(read('/api/chat', `{"model":"a","options":${options}}`)).affinity).toBe(affinity)
  })

  test.each(PATHS.filter((path) => path.startsWith('/v1/') && ENDPOINTS[path].body === 'json'))(
    'to %s has no options and no keep_alive',
    (path) => {
      const body = `{"model":"a","prompt":"x",${MESSAGES},"options":{"num_ctx":1},"keep_alive":0,"OPTIONS":5}`
      const reading = read(path, body)
      expect(taken(reading)).toMatchObject({ affinity: 'a:latest', loadOnly: false })
      expect(reading.kind).toBe('submission')
      expect(text(taken(reading))).toBe(body)
    },
  )
})

describe('a key that Go reads twice', () => {
  test.each<[string, EndpointPath, string, string]>([
    ['in capitals', '/api/chat', '{"model":"a","Model":"b"}', '"Model": write "model"'],
    ['in capitals both times', '/api/chat', '{"MODEL":"a","Model":"b"}', '"Model": write "model"'],
    ['twice', '/api/chat', '{"model":"a","model":"a"}', '"model": write "model"'],
    ['in escaped capitals', '/api/chat', '{"model":"a","\\u004dodel":"b"}', '"Model": write "model"'],
    ['with a long s', '/api/chat', '{"model":"a","stream":true,"\u017ftream":true}', '"\u017ftream": write "stream"'],
    [
      'with a Kelvin sign',
      '/api/chat',
      '{"keep_alive":0,"model":"a","\\u212Aeep_alive":0}',
      '"\u212aeep_alive": write "keep_alive"',
    ],
    ['messages', '/api/chat', `{"model":"a",${MESSAGES},"Messages":[]}`, '"Messages": write "messages"'],
    ['prompt', '/api/generate', '{"model":"a","prompt":"x","PROMPT":""}', '"PROMPT": write "prompt"'],
    ['options', '/api/generate', '{"model":"a","options":{},"options":{}}', '"options": write "options"'],
    ['on /v1 too', '/v1/messages', '{"model":"a","stream":true,"Stream":true}', '"Stream": write "stream"'],
    ['before a wrong type is looked at', '/api/chat', '{"Model":5,"model":"a"}', '"model": write "model"'],
  ])('%s is refused', (_how, endpoint, body, said) => {
    expect(refused(read(endpoint, body))).toEqual({
      status: 400,
      message: `ambiguous key ${said}, once`,
      code: 'ambiguous_key',
    })
  })

  test('is reported after invalid JSON', () => {
    expect(refused(read('/api/chat', '{"Model":1,"model":2'))).toMatchObject({
      message: 'invalid JSON: it ends in the middle of a value',
      code: null,
    })
  })

  test.each<[string, EndpointPath, string, object]>([
    ['the model', '/api/chat', '{"MODEL":"a"}', { model: 'a' }],
    ['stream, with a long s', '/v1/messages', '{"model":"a","\u017ftream":true}', { stream: true }],
    ['stream, escaped', '/api/chat', '{"model":"a","\\u0053TREAM":false}', { stream: false }],
    ['messages', '/api/chat', `{"model":"a","Messages":[{}]}`, { loadOnly: false }],
    [
      'options, whose own keys are exact',
      '/api/chat',
      '{"model":"a","Options":{"num_ctx":7,"Num_ctx":8}}',
      {
        affinity: 'a:latest num_ctx=7',
      },
    ],
  ])('may be given once, in any case: %s', (_what, endpoint, body, expected) => {
    expect(taken(read(endpoint, body))).toMatchObject(expected)
  })

  test('may be a keep_alive in capitals, which is not added again', () => {
    const body = '{"model":"a","KEEP_ALIVE":"7m","messages":[{}]}'
    expect(text(taken(read('/api/chat', body)))).toBe(body)
  })

  test('is refused in any spelling', () => {
    const letters: Readonly<Record<string, string>> = { s: 'sS\u017f', k: 'kK\u212a' }
    const spelled = (key: string): fc.Arbitrary<string> =>
      fc
        .tuple(...[...key].map((letter) => fc.constantFrom(...(letters[letter] ?? letter + letter.toUpperCase()))))
        .map((all) => all.join(''))
    const keys = fc.constantFrom('model', 'stream', 'keep_alive', 'messages', 'options')
    fc.assert(
      fc.property(
        keys.chain((key) => fc.tuple(fc.constant(key), spelled(key), fc.boolean())),
        ([key, spelling, escaped]) => {
          const written = escaped
            ? [...spelling].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
            : spelling
          expect(read('/api/chat', `{"model":"a","${written}x":null}`).kind).not.toBe('refused')
          expect(refused(read('/api/chat', `{"model":"a","${written}":null,"${key}":null}`)).code).toBe('ambiguous_key')
        },
      ),
    )
  })
})

describe('the keep_alive that is put in', () => {
  test.each<[string, EndpointPath, string, string]>([
    ['stands first', '/api/chat', '{"model":"a"}', '{"keep_alive":"30m","model":"a"}'],
    [
      'stands behind the first brace',
      '/api/generate',
      ' \n{ "model":"a" }{}',
      ' \n{"keep_alive":"30m", "model":"a" }{}',
    ],
    ['is not put beside one', '/api/chat', '{"model":"a","keep_alive":"5m"}', '{"model":"a","keep_alive":"5m"}'],
    ['is not put beside a null', '/api/chat', '{"model":"a","keep_alive":null}', '{"model":"a","keep_alive":null}'],
    [
      'is put in although a deeper one is there',
      '/api/chat',
      '{"model":"a","options":{"keep_alive":1}}',
      '{"keep_alive":"30m","model":"a","options":{"keep_alive":1}}',
    ],
    ['is put into a cloud model', '/api/chat', '{"model":"a:cloud"}', '{"keep_alive":"30m","model":"a:cloud"}'],
    ['is not for /v1', '/v1/chat/completions', `{"model":"a",${MESSAGES}}`, `{"model":"a",${MESSAGES}}`],
  ])('is right: %s', (_fact, endpoint, body, forwarded) =>
    expect(sentText(taken(read(endpoint, body)))).toBe(forwarded),
  )

  test.each<[string, string]>([
    ['-1', '{"keep_alive":-1,"model":"a"}'],
    ['3600', '{"keep_alive":3600,"model":"a"}'],
    ['24h', '{"keep_alive":"24h","model":"a"}'],
  ])('with FOREMAN_KEEP_ALIVE %s', (keepAlive, forwarded) => {
    expect(sentText(taken(read('/api/chat', '{"model":"a"}')), keepAlive)).toBe(forwarded)
  })

  test('changes no other byte', () => {
    const value = fc.oneof(
      fc.json().map((json) => Buffer.from(json)),
      fc.constantFrom('12345678901234567890', '1.0', '"\\ud800"', '-0').map((raw) => Buffer.from(raw)),
      // Ollama itself repairs invalid UTF-8 inside a string.
      fc
        .uint8Array({ maxLength: 20 })
        .map((bytes) =>
          Buffer.concat([Buffer.from('"'), bytes.map((byte) => (byte < 0x80 ? 0x61 : byte)), Buffer.from('"')]),
        ),
    )
    fc.assert(
      fc.property(value, fc.uint8Array({ maxLength: 8 }), (inner, trailing) => {
        const body = Buffer.concat([Buffer.from('{"think":'), inner, Buffer.from(',"model":"a"}'), trailing])
        expect(sentText(taken(read('/api/chat', body)))).toBe(
          body.toString('latin1').replace('{', '{"keep_alive":"30m",'),
        )
      }),
    )
  })
})

describe('the body of a submission', () => {
  test('is the buffer of the request itself if the buffer contains nothing else', () => {
    const body = new Uint8Array(Buffer.from('{"model":"a","keep_alive":1}'))
    const submission = taken(readAtOnce('/api/chat', { body, contentType: null, contentEncoding: null }, SETTINGS))
    expect(submission.body).toBe(body)
  })

  // test/sqlite/body.test.ts covers which thread owns the buffer.
  test.each([
    ['{"model":"a"}', '{"keep_alive":"30m","model":"a"}'],
    ['{"model":"a","keep_alive":1}', '{"model":"a","keep_alive":1}'],
  ])('in a larger buffer is read alone: %s', (json, expected) => {
    const pool = new Uint8Array(1000).fill(0x7d)
    const body = pool.subarray(100, 100 + json.length)
    body.set(Buffer.from(json))
    const before = pool.slice()
    const submission = taken(readAtOnce('/api/chat', { body, contentType: null, contentEncoding: null }, SETTINGS))
    expect(sentText(submission)).toBe(expected)
    expect(pool).toEqual(before)
  })
})

test('a model rule without bytes throws', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map((json) => new Uint8Array(Buffer.from(json))),
  )
  const types = fc.constantFrom(
    null,
    'application/json',
    'multipart/form-data; boundary=x',
    'multipart/form-data; boundary="',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...PATHS),
      bytes,
      types,
      fc.constantFrom('', 'gzip', 'zstd'),
      async (endpoint, body, contentType, contentEncoding) => {
        const reading = await readEncoded(endpoint, body, contentEncoding, contentType)
        expect(['submission', 'unload', 'refused']).toContain(reading.kind)
      },
    ),
  )
})
