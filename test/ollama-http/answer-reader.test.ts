// Answers byte by byte: where they end, what they carry, and what is no answer. However the bytes are cut on their way,
// the same is read of them.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AnswerHeaders } from '../../src/daemon/domain/answer.ts'
import { AnswerReader } from '../../src/daemon/ollama/answer-reader.ts'

interface Read {
  status: number
  headers: AnswerHeaders
  reason: string
  informed: number
  body: string
  /** Null: the answer has not ended. */
  idleMs: number | null
  error: string | null
  /** An end of the connection would be its end. */
  endsWithConnection: boolean
}

/** What is read of these pieces, one answer. */
function read(pieces: readonly Buffer[]): Read {
  const found: Read = {
    ...{ status: 0, headers: [], reason: '', informed: 0, body: '', idleMs: null, error: null },
    endsWithConnection: false,
  }
  const reader = new AnswerReader({
    informed: () => {
      found.informed += 1
    },
    head: ({ status, headers, reason }) => Object.assign(found, { status, headers, reason }),
    data: (bytes) => {
      expect(bytes.length).toBeGreaterThan(0)
      found.body += bytes.toString('latin1')
    },
    end: (idleMs) => {
      expect(found.idleMs).toBe(null)
      found.idleMs = idleMs
    },
  })
  reader.begin()
  try {
    for (const piece of pieces) if (found.idleMs === null) reader.push(piece)
  } catch (error) {
    found.error = (error as Error).message
  }
  found.endsWithConnection = reader.finish()
  return found
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')
const whole = (text: string): Read => read([bytesOf(text)])

/** The same bytes, cut behind each of these places. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.filter((place) => place > 0 && place < bytes.length)), bytes.length]
  ends.sort((a, b) => a - b)
  return ends.map((end, index) => Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)))
}

const OK = 'HTTP/1.1 200 OK\r\n'

const ANSWERS: readonly [name: string, text: string, expected: Partial<Read>][] = [
  ['a length', `${OK}Content-Length: 5\r\n\r\nhello`, { status: 200, reason: 'OK', body: 'hello', idleMs: 30_000 }],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { status: 200, reason: '', body: '', idleMs: 30_000 }],
  ['an empty body', `${OK}content-length: 0\r\n\r\n`, { body: '', idleMs: 30_000 }],
  [
    'chunks, extensions and trailers',
    `${OK}Transfer-Encoding: Chunked\r\n\r\n4;a="b"\r\nwiki\r\n00A\r\npedia in \n\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n`,
    { body: 'wikipedia in \n', idleMs: 30_000 },
  ],
  [
    'early hints first',
    `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}Content-Length: 2\r\n\r\n{}`,
    { status: 200, informed: 2, body: '{}' },
  ],
  ['nothing, by its status', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '', idleMs: 30_000 }],
  [
    'nothing, whatever it says',
    'HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n',
    { status: 304, body: '', idleMs: 30_000 },
  ],
  [
    'a length and the wish to close',
    `${OK}Connection: x, Close\r\nContent-Length: 1\r\n\r\na`,
    { body: 'a', idleMs: 0 },
  ],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', { body: 'a', idleMs: 0 }],
  ['a short patience', `${OK}Keep-Alive: timeout=5, max=9\r\nContent-Length: 1\r\n\r\na`, { body: 'a', idleMs: 3_000 }],
  ['no patience', `${OK}Keep-Alive: timeout=1\r\nContent-Length: 1\r\n\r\na`, { body: 'a', idleMs: 0 }],
  ['a long patience', `${OK}Keep-Alive: timeout=9999\r\nContent-Length: 1\r\n\r\na`, { body: 'a', idleMs: 30_000 }],
  [
    'its connection',
    `${OK}Server: x\r\n\r\nall of this`,
    { body: 'all of this', idleMs: null, endsWithConnection: true },
  ],
  ['nothing yet', `${OK}Content-Length: 5\r\n\r\nhell`, { body: 'hell', idleMs: null, endsWithConnection: false }],
  ['a last chunk that is missing', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`, { body: 'a', idleMs: null }],
  ['trailers that are missing', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n`, { body: '', idleMs: null }],
  [
    'headers of any byte',
    `${OK}X-Latin:  \xe9\xa0 \t\r\nx-latin:\r\nContent-Length: 1\r\n\r\n\xff`,
    {
      headers: [
        ['X-Latin', '\xe9\xa0'],
        ['x-latin', ''],
        ['Content-Length', '1'],
      ],
      body: '\xff',
    },
  ],
]

test.each(ANSWERS)('an answer of %s is read', (_name, text, expected) => {
  expect(whole(text)).toMatchObject({ error: null, ...expected })
})

test.each(ANSWERS)('an answer of %s is read the same in pieces', (_name, text) => {
  const bytes = bytesOf(text)
  const expected = whole(text)
  expect(read(cutAt(bytes, [...bytes.keys()]))).toEqual(expected)
  for (let place = 1; place < bytes.length; place++) expect(read(cutAt(bytes, [place]))).toEqual(expected)
})

const BAD: readonly [name: string, text: string, error: string][] = [
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', 'begin like'],
  ['another protocol, of which one byte has come', '\x15', 'begin like'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n', 'begin like'],
  ['a version of three numbers', 'HTTP/1.1.1 200 OK\r\n\r\n', 'status line'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'status line'],
  ['two lengths', `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`, 'length'],
  ['a length with a sign', `${OK}Content-Length: +5\r\n\r\n`, 'length'],
  ['a length in words', `${OK}Content-Length: five\r\n\r\n`, 'length'],
  ['two lengths in one', `${OK}Content-Length: 5, 5\r\n\r\n`, 'length'],
  ['a length beyond counting', `${OK}Content-Length: 9999999999999999\r\n\r\n`, 'length'],
  ['a length and chunks', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, 'unclear'],
  ['chunks and a length', `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`, 'unclear'],
  ['another coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'unclear'],
  ['two codings', `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, 'codings'],
  ['a folded line', `${OK}X: a\r\n b\r\n\r\n`, 'header line'],
  ['a name with a blank', `${OK}Content-Length : 5\r\n\r\n`, 'header line'],
  ['a line without a colon', `${OK}Content-Length\r\n\r\n`, 'header line'],
  ['a bare carriage return', `${OK}X: a\rContent-Length: 5\r\n\r\n`, 'header line'],
  ['a bare line feed', `${OK}X: a\nContent-Length: 5\r\n\r\n`, 'header line'],
  ['a NUL', `${OK}X: a\0b\r\n\r\n`, 'header line'],
  ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 'asked'],
  ['a head without end', `${OK}X: ${'x'.repeat(16 * 1024)}`, 'too long'],
  ['a long head', `${OK}X: ${'x'.repeat(16 * 1024)}\r\n\r\n`, 'too long'],
  ['a chunk size that is none', `${OK}Transfer-Encoding: chunked\r\n\r\n-1\r\n`, 'chunk size'],
  ['a chunk size with a prefix', `${OK}Transfer-Encoding: chunked\r\n\r\n0x5\r\n`, 'chunk size'],
  ['no chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n\r\n`, 'chunk size'],
  ['a chunk size beyond counting', `${OK}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(13)}\r\n`, 'chunk size'],
  ['an endless extension', `${OK}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(1100)}`, 'too long'],
  ['a chunk that goes on', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n`, 'longer'],
  ['endless trailers', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X: 1234567890\r\n'.repeat(1200)}`, 'too long'],
]

test.each(BAD)('%s is no answer', (_name, text, error) => {
  const bytes = bytesOf(text)
  expect(whole(text)).toMatchObject({ error: expect.stringContaining(error), idleMs: null })
  expect(read(cutAt(bytes, [...bytes.keys()])).error).toContain(error)
})

test('bytes behind an answer spoil its connection and not the answer', () => {
  for (const answer of [
    `${OK}Content-Length: 1\r\n\r\na`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
  ]) {
    expect(whole(answer)).toMatchObject({ body: 'a', idleMs: 30_000 })
    expect(whole(`${answer}HTTP/1.1 200 OK\r\n\r\n`)).toMatchObject({ body: 'a', idleMs: 0 })
  }
})

test('answers follow each other on one reader, and a head that came before is read as if it were new', () => {
  const seen: string[] = []
  const reader = new AnswerReader({
    informed: () => {},
    head: ({ status, length }) => void seen.push(`${status} ${length}`),
    data: (bytes) => void seen.push(bytes.toString()),
    end: (idleMs) => void seen.push(`end ${idleMs}`),
  })
  const answers = [`${OK}Content-Length: 2\r\n\r\n`, 'HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\n']
  for (const [head, body] of [
    [answers[0], 'ab'],
    [answers[0], 'cd'],
    [answers[1], 'e'],
    [answers[0], 'fg'],
  ]) {
    reader.begin()
    reader.push(bytesOf(`${head}${body}`))
  }
  const ok = ['200 2', 'ab', 'end 30000', '200 2', 'cd', 'end 30000']
  expect(seen).toEqual([...ok, '500 1', 'e', 'end 30000', '200 2', 'fg', 'end 30000'])
})

test('any body in any chunks, cut anywhere, is read as it was written', () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 })
  const places = fc.array(fc.nat(3_000), { maxLength: 12 })
  fc.assert(
    fc.property(chunks, places, fc.boolean(), (parts, cuts, isChunked) => {
      const body = Buffer.concat(parts)
      const lines = parts.flatMap((part) => [bytesOf(`${part.length.toString(16)}\r\n`), part, bytesOf('\r\n')])
      const answer = isChunked
        ? Buffer.concat([bytesOf(`${OK}Transfer-Encoding: chunked\r\n\r\n`), ...lines, bytesOf('0\r\n\r\n')])
        : Buffer.concat([bytesOf(`${OK}Content-Length: ${body.length}\r\n\r\n`), body])
      expect(read(cutAt(answer, cuts))).toMatchObject({
        ...{ error: null, idleMs: 30_000, status: 200 },
        body: body.toString('latin1'),
      })
    }),
  )
})
