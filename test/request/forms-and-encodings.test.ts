// Bodies that are not plain JSON: decoded for reading only, or refused; forms are read where they lie.

import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { MESSAGES, read, readEncoded, refused, taken } from './reading.ts'

describe('content encodings and charsets', () => {
  const json = `{"model":"a","stream":true,${MESSAGES}}`

  test('zstd is decoded for reading and forwarded unchanged', async () => {
    const body = zstdCompressSync(json)
    const submission = taken(await readEncoded('/v1/responses', body, 'zstd'))
    expect(submission).toMatchObject({ model: 'a', stream: true, contentEncoding: 'zstd' })
    expect(Buffer.from(submission.body).equals(body)).toBe(true)
  })

  test('keep_alive is not added to zstd', async () => {
    const body = zstdCompressSync('{"model":"a"}')
    const submission = taken(await readEncoded('/api/chat', body, 'zstd'))
    expect(Buffer.from(submission.body).equals(body)).toBe(true)
  })

  test('zstd of exactly 20 MiB is read, and of one byte more is not', async () => {
    const padded = (size: number): Buffer => zstdCompressSync(`{"model":"a"}${' '.repeat(size - 13)}`)
    expect(taken(await readEncoded('/v1/responses', padded(20 << 20), 'zstd')).model).toBe('a')
    expect(refused(await readEncoded('/v1/responses', padded((20 << 20) + 1), 'zstd'))).toEqual({
      status: 415,
      message:
        'unsupported zstd body of more than 20 MiB when decoded: send UTF-8, plain or with Content-Encoding: zstd',
      code: 'unsupported_encoding',
    })
  })

  test.each([
    ['no zstd at all', Buffer.from(json)],
    ['zstd that was cut short', zstdCompressSync(json).subarray(0, 20)],
    ['nothing', Buffer.alloc(0)],
  ])('%s labelled as zstd is rejected', async (_what, body) => {
    expect(refused(await readEncoded('/v1/responses', body, 'zstd')).status).toBe(400)
  })

  test.each(['gzip', 'br', 'deflate', 'zstd, gzip', 'x-unknown'])(
    '%s is read if it is plain JSON, because Ollama ignores the header',
    (contentEncoding) => {
      expect(taken(read('/api/chat', json, { contentEncoding }))).toMatchObject({ model: 'a', contentEncoding })
      expect(refused(read('/api/chat', gzipSync(json), { contentEncoding }))).toMatchObject({
        status: 415,
        code: 'unsupported_encoding',
      })
    },
  )

  test.each(['identity', '', ' Identity ', null])('the encoding %j means no encoding', (contentEncoding) => {
    expect(taken(read('/api/chat', json, { contentEncoding }))).toMatchObject({ model: 'a', contentEncoding })
  })

  test.each([
    null,
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'text/plain; charset=ISO-8859-1',
    'nonsense',
  ])('the type %j is accepted, because Ollama ignores it', (contentType) => {
    expect(taken(read('/api/chat', json, { contentType }))).toMatchObject({ model: 'a', contentType })
  })

  test.each(['utf-16', 'UTF-16LE', '"utf-16be"', 'utf32', 'utf-7', 'ucs-2'])('charset=%s is rejected', (charset) => {
    const { status, code, message } = refused(
      read('/api/chat', json, { contentType: `application/json; charset=${charset}` }),
    )
    expect({ status, code }).toEqual({ status: 415, code: 'unsupported_encoding' })
    expect(message).toContain(`charset "${charset.replaceAll('"', '')}"`)
  })
})

describe('forms', () => {
  const encode = async (fields: readonly (readonly [string, string | Blob])[]): Promise<[Uint8Array, string]> => {
    const form = new FormData()
    for (const [name, value] of fields) form.append(name, value)
    const response = new Response(form)
    return [await response.bytes(), response.headers.get('content-type') ?? '']
  }

  test('a transcription is read for its model and forwarded untouched', async () => {
    const audio = new Blob([new Uint8Array(100_000).map((_, i) => i)])
    const [body, contentType] = await encode([
      ['file', audio],
      ['response_format', 'text'],
      ['stream', 'true'],
      ['model', 'Whisper:q8'],
    ])
    const submission = taken(read('/v1/audio/transcriptions', body, { contentType }))
    // Ollama's transcriptions do not stream, whatever the form says.
    expect(submission).toMatchObject({
      model: 'Whisper:q8',
      affinity: 'whisper:q8',
      stream: false,
      loadOnly: false,
      contentType,
    })
    expect(Buffer.from(submission.body).equals(body)).toBe(true)
  })

  test('an image edit may be a form too, as OpenAI sends it', async () => {
    const [body, contentType] = await encode([
      ['model', 'a'],
      ['image', new Blob(['x'])],
    ])
    expect(taken(read('/v1/images/edits', body, { contentType })).model).toBe('a')
    expect(taken(read('/v1/images/edits', '{"model":"b","prompt":"x"}')).model).toBe('b')
  })

  test('a form without a model, or with two, is rejected', async () => {
    const [without, type] = await encode([['file', new Blob(['x'])]])
    expect(refused(read('/v1/audio/transcriptions', without, { contentType: type }))).toEqual({
      status: 400,
      message: 'model is required',
      code: null,
    })
    const [twice, otherType] = await encode([
      ['model', 'a'],
      ['model', 'b'],
    ])
    expect(refused(read('/v1/audio/transcriptions', twice, { contentType: otherType })).code).toBe('ambiguous_key')
  })

  test('JSON sent as a form is rejected', () => {
    expect(refused(read('/v1/audio/transcriptions', '{"model":"a"}'))).toEqual({
      status: 400,
      message: 'failed to parse multipart form: the Content-Type is not multipart/form-data',
      code: null,
    })
  })
})
