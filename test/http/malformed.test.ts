// HTTP that is wrong, or that Node takes for right although it is not: raw bytes in, and what they get. The numbers are
// those of the catalogue of bad input (H: HTTP level, R: headers, U: paths).

import { expect, test } from 'vitest'
import { reasonPhrase } from '../../src/daemon/http/error-body.ts'
import { type HttpHarnessOptions, knownTarget, startHttpHarness } from './http-harness.ts'
import { exchange, rawSocket } from './raw-socket.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

async function startServer(options: HttpHarnessOptions = {}) {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target, options)
  harness.status = knownTarget(0)
  return { target, harness }
}

const GET = 'GET /api/version HTTP/1.1\r\n'
const POST = 'POST /api/embed HTTP/1.1\r\nHost: localhost\r\n'
const CLOSE = 'Connection: close\r\n\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n'
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

const REFUSED: readonly [name: string, status: number, request: string | Buffer][] = [
  ['H01 HTTP/1.1 without Host', 400, `${GET}${CLOSE}`],
  ['H03 two Host headers', 400, `${GET}Host: localhost\r\nhost: evil.example\r\n${CLOSE}`],
  ['H04 an empty Host', 400, `${GET}Host: \r\n${CLOSE}`],
  ['H04 a Host with credentials', 400, `${GET}Host: a@b:1\r\n${CLOSE}`],
  ['H04 a Host that is markup', 400, `${GET}Host: <script>\r\n${CLOSE}`],
  ['H05 length and chunks at once', 400, `${POST}Content-Length: 4\r\n${CHUNKED}0\r\n\r\n`],
  ['H06 two lengths', 400, `${POST}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`],
  ['H06 a list of lengths', 400, `${POST}Content-Length: 4,4\r\n\r\nabcd`],
  ['H06 a signed length', 400, `${POST}Content-Length: +4\r\n\r\nabcd`],
  ['H06 a negative length', 400, `${POST}Content-Length: -1\r\n\r\nabcd`],
  ['H06 a hexadecimal length', 400, `${POST}Content-Length: 0x4\r\n\r\nabcd`],
  ['H06 a length of 31 digits', 400, `${POST}Content-Length: ${'1'.repeat(31)}\r\n\r\nabcd`],
  ['H07 a space before the colon', 400, `${POST}Content-Length : 4\r\n\r\nabcd`],
  ['H08 a folded header', 400, `${GET}Host: localhost\r\n X: y\r\n${CLOSE}`],
  ['H08 a header that begins with a space', 400, `${GET} Host: localhost\r\n${CLOSE}`],
  ['H09 chunked, then something else', 400, `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['H09 an unknown coding', 501, `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['H10 gzip, then chunked', 501, `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['H11 a negative chunk', 400, `${POST}${CHUNKED}-1\r\n`],
  ['H11 a chunk size that overflows', 400, `${POST}${CHUNKED}fffffffffffffffff\r\n`],
  ['H11 a chunk size that is no number', 400, `${POST}${CHUNKED}zz\r\n`],
  ['H12 a chunk extension of 20 kB', 413, `${POST}${CHUNKED}1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`],
  ['H13 bare line feeds', 400, `GET /api/version HTTP/1.1\nHost: localhost\n\n`],
  ['H13 a bare carriage return', 400, `${GET}Host: localhost\r\nX: a\rb\r\n${CLOSE}`],
  ['H13 a NUL in a header', 400, `${GET}Host: localhost\r\nX: a\0b\r\n${CLOSE}`],
  ['H15 a header of 66 kB', 431, `${GET}Host: localhost\r\nX: ${'y'.repeat(66_000)}\r\n${CLOSE}`],
  ['H15 two thousand headers', 431, `${GET}Host: localhost\r\n${'a: bcdef\r\n'.repeat(2_001)}${CLOSE}`],
  ['H16 a path of 66 kB', 431, `GET /${'y'.repeat(66_000)} HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['H17 an absolute target', 400, `GET http://evil.example/api/tags HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['H18 GET *', 400, `GET * HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['H20 TRACE', 405, `TRACE /api/tags HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['H20 TRACE of nothing', 405, `TRACE /nothing HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['H21 an unknown method', 400, `FOO /api/tags HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['H21 a method in lower case', 400, `get /api/tags HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['H21 the preface of HTTP/2', 400, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`],
  ['H21 HTTP/3.7', 400, `GET /api/tags HTTP/3.7\r\nHost: localhost\r\n${CLOSE}`],
  ['H21 HTTP/0.9', 400, `GET /\r\n\r\n`],
  ['H21 a TLS handshake', 400, Buffer.from('160301020001000001fc0303', 'hex')],
  ['H24 an unknown expectation', 417, `${POST}Expect: bogus\r\nContent-Length: 0\r\n${CLOSE}`],
  ['H25 a GET with a large body', 400, `${GET}Host: localhost\r\nContent-Length: 2000\r\n${CLOSE}${'x'.repeat(2_000)}`],
  ['R02 two Authorization headers', 400, `${GET}Host: localhost\r\nAuthorization: a\r\nauthorization: b\r\n${CLOSE}`],
  ['U01 a path of two slashes', 307, `GET //api/tags HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U02 a path that climbs', 307, `GET /api/../api/tags HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U02 a path that climbs escaped', 404, `GET /jobs/%2e%2e%2f HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U03 an escaped slash', 404, `GET /api%2ftags HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U04 a slash at the end', 301, `GET /api/tags/ HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U05 upper case', 404, `GET /API/TAGS HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U05 a path parameter', 404, `GET /api/tags;x HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U05 an escaped NUL', 404, `GET /api/tags%00 HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U06 a profiler', 404, `GET /debug/pprof HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U07 raw UTF-8 in the path', 400, bytes(`GET /\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`)],
  ['U07 a space in the path', 400, `GET /a b HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U07 a NUL in the path', 400, `GET /a\0b HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U08 an invalid escape', 400, `GET /%zz HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U08 an overlong escape', 400, `GET /%c0%ae HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U08 a model name that is no escape', 400, `GET /v1/models/%zz HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
]

/** Answers of Node itself, before foreman sees the request. */
const WORDS: Readonly<Record<number, string>> = { 417: 'Expectation Failed' }

test.each(REFUSED)(
  '%s is %i, the connection is closed, and the target gets nothing',
  async (_name, status, request) => {
    const { target, harness } = await startServer()
    const line = await rawSocket(harness.port)
    line.send(request)
    await line.until(/\r\n\r\n/)
    // A timer disconnects a caller that may still send for a moment.
    harness.clock.advance(10_000)
    expect(await line.rest()).toMatch(new RegExp(`^HTTP/1.1 ${status} ${WORDS[status] ?? reasonPhrase(status)}\r\n`))
    expect(target.seen).toEqual([])
  },
)

const ALLOWED: readonly [name: string, request: string | Buffer][] = [
  ['H02 HTTP/1.0 without Host, on loopback', 'GET /api/version HTTP/1.0\r\n\r\n'],
  ['H14 latin-1 in a header that nobody reads', bytes(`${GET}Host: localhost\r\nX: \xff\r\n${CLOSE}`)],
  ['H22 an upgrade to websocket', `${GET}Host: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`],
  ['H22 an upgrade to h2c', `${GET}Host: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`],
  ['H25 a GET with an empty body in chunks', `${GET}Host: localhost\r\n${CHUNKED}0\r\n\r\n`],
  ['H15 cookies of 60 kB', `${GET}Host: localhost\r\nCookie: ${'y'.repeat(60_000)}\r\n${CLOSE}`],
  ['H25 a GET with a small body', `${GET}Host: localhost\r\nContent-Length: 4\r\n${CLOSE}abcd`],
  [
    'H28 bytes behind a closed request',
    `${GET}Host: localhost\r\n${CLOSE}GET /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  ],
  ['R09 a header named __proto__', `${GET}Host: localhost\r\n__proto__: x\r\n${CLOSE}`],
  ['R14 a method in a header', `${GET}Host: localhost\r\nX-HTTP-Method-Override: DELETE\r\n${CLOSE}`],
  ['U05 an empty query', `GET /api/version? HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
  ['U09 a query that means nothing', `GET /api/version?stream=false&a=1&a=2 HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`],
]

test.each(ALLOWED)('%s is ignored', async (_name, request) => {
  const { harness } = await startServer()
  expect(await exchange(harness.port, request)).toMatch(
    /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n\{"version":"0\.17\.4"\}$/,
  )
})

test('GET /healthz with an empty chunked body is answered', async () => {
  const { harness } = await startServer()
  const request = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
  expect(await exchange(harness.port, request)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
})

// As Ollama 0.17.4 and 0.34.4 answered.
test.each([
  ['POST', '//api/chat', 307, '/api/chat'],
  ['POST', '/api/chat/', 307, '/api/chat'],
  ['GET', '/api/tags/?x=1', 301, '/api/tags?x=1'],
  ['GET', '/api/tags//', 307, '/api/tags/'],
  ['GET', '/./api//tags', 307, '/api/tags'],
  ['GET', '///evil.example/../..', 307, '/'],
  ['GET', '//nope', 307, '/nope'],
  ['POST', '/api/tags/', 404, null],
  ['GET', '/api/chat/', 404, null],
  ['GET', '/nope/', 404, null],
])('%s %s is %i for %s', async (method, path, status, location) => {
  const { harness, target } = await startServer()
  const answer = await exchange(
    harness.port,
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n${CLOSE}`,
  )
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(/^Location: (.*)$/m.exec(answer.replaceAll('\r', ''))?.[1] ?? null).toBe(location)
  expect(target.seen).toEqual([])
})

test('H02 HTTP/1.0 without Host is 400 on a bind that is not loopback, except for health', async () => {
  const { harness } = await startServer({ config: { addr: { host: '0.0.0.0', port: 0 } } })
  expect(await exchange(harness.port, 'GET /api/tags HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  expect(await exchange(harness.port, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
})

test('H14 latin-1 in Authorization is 400 if a token is required', async () => {
  const { harness } = await startServer({ config: { token: 'a-token-of-the-house' } })
  const request = bytes(`GET /api/tags HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\r\n${CLOSE}`)
  expect(await exchange(harness.port, request)).toMatch(/^HTTP\/1\.1 400 /)
})

test('H18 OPTIONS * is 204 without a body', async () => {
  const { harness } = await startServer()
  const answer = await exchange(harness.port, `OPTIONS * HTTP/1.1\r\nHost: localhost\r\n${CLOSE}`)
  expect(answer).toMatch(/^HTTP\/1\.1 204 No Content\r\n[\s\S]*\r\n\r\n$/)
})

test('H19 CONNECT closes the connection', async () => {
  const { harness } = await startServer()
  expect(await exchange(harness.port, 'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('')
})

test('H26 pipelined requests are answered in order', async () => {
  const { harness } = await startServer()
  const line = await rawSocket(harness.port)
  line.send(['/', '/api/version', '/nothing'].map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''))
  const answers = await line.until(/404 page not found$/)
  expect(answers.match(/Ollama is running|0\.17\.4|404 page not found/g)).toEqual([
    'Ollama is running',
    '0.17.4',
    '404 page not found',
  ])
})

test('H26 a connection with too many requests under way is cut', async () => {
  const target = await startSmallTarget(() => {})
  const harness = await startHttpHarness(target, { limits: { pipelined: 2 } })
  const line = await rawSocket(harness.port)
  line.send(`${POST}Content-Length: 2\r\n\r\n{}`.repeat(3))
  expect(await line.rest()).toBe('')
})

test('H27 an incomplete body makes no request', async () => {
  const { target, harness } = await startServer()
  const line = await rawSocket(harness.port)
  line.send(`${POST}Content-Length: 10\r\n\r\n{}`)
  line.socket.end()
  expect(await line.rest()).not.toMatch(/ 200 /)
  expect(target.seen).toEqual([])
})

test('H29 trailers after a Content-Length close the connection', async () => {
  const { harness } = await startServer()
  const request = `${POST}Content-Length: 2\r\nTrailer: X\r\n\r\n{}X: y\r\n\r\n`
  const line = await rawSocket(harness.port)
  line.send(request)
  await line.until(/malformed HTTP request/)
  harness.clock.advance(10_000)
  expect(await line.rest()).toMatch(/^HTTP\/1\.1 400 /)
})

test('an error after the head of an answer never becomes a second status', async () => {
  const target = await startSmallTarget((_seen, res) => void res.writeHead(200).write('the first part'))
  const harness = await startHttpHarness(target)
  const line = await rawSocket(harness.port)
  line.send('GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await line.until(/the first part/)
  line.send('garbage that is no request\r\n\r\n')
  const answer = await line.rest()
  expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
  expect(answer).not.toMatch(/\r\n0\r\n/)
})

test('a refused caller that keeps sending is cut after a moment', async () => {
  const { harness } = await startServer()
  const line = await rawSocket(harness.port)
  line.send('nonsense\r\n\r\n')
  await line.until(/malformed HTTP request/)
  line.send('more nonsense\r\n\r\n')
  await harness.clock.armed()
  harness.clock.advance(1_000)
  expect((await line.rest()).match(/HTTP\/1\.1/g)).toHaveLength(1)
})
