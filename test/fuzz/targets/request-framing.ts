// Fuzz target: randomly damaged requests to foreman on raw sockets. Every answer must be HTTP, the daemon must continue, and
// no request for a path outside the table of routes may reach the target.

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../../src/daemon/config/load.ts'
import { createDaemon } from '../../../src/daemon/daemon.ts'
import { ROUTES } from '../../../src/daemon/http/routes.ts'
import { systemClock } from '../../../src/daemon/runtime/clock.ts'
import { createLog } from '../../../src/daemon/runtime/log.ts'
import { SeededRandom } from '../../proof/seeded-random.ts'
import type { FuzzTurn } from '../target.ts'

export const name = 'request-framing'

const BATCH = 20
const HOST = 'Host: localhost\r\n'
const CHAT = '{"model":"a","messages":[{"role":"user","content":"x"}]}'
const SOUND: readonly string[] = [
  `GET /healthz HTTP/1.1\r\n${HOST}\r\n`,
  `GET //api/tags HTTP/1.1\r\n${HOST}\r\n`,
  `GET /v1/models/a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `POST /api/show HTTP/1.1\r\n${HOST}Content-Length: 13\r\n\r\n{"model":"a"}`,
  `POST /api/embed HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nd\r\n{"model":"a"}\r\n0\r\nX: y\r\n\r\n`,
  `POST /api/chat HTTP/1.1\r\n${HOST}Content-Length: ${CHAT.length}\r\n\r\n${CHAT}`,
  `POST /jobs HTTP/1.1\r\n${HOST}Content-Length: ${CHAT.length}\r\nIdempotency-Key: k\r\n\r\n${CHAT}`,
]
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  '0\r\n\r\n',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  '/../',
  '%2f',
  ';a=b',
  '\xff',
  'GET / HTTP/1.1\r\n',
  'HTTP/1.1',
  '-1',
  'ffffffffffffffff',
]

function broken(random: SeededRandom): string {
  let text = Array.from({ length: random.integer(1, 3) }, () => random.pick(SOUND)).join('')
  for (let i = random.integer(0, 4); i > 0; i--) {
    const at = random.integer(0, text.length)
    const dropped = random.happens(0.5) ? random.integer(0, 12) : 0
    text = text.slice(0, at) + (random.happens(0.7) ? random.pick(PIECES) : '') + text.slice(at + dropped)
  }
  return text
}

/** Sends the text in pieces, and returns the answer when the other side closes or all expected bytes have arrived. */
async function exchange(port: number, text: string, random: SeededRandom): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.setEncoding('latin1').on('data', (part: string) => (received += part))
  socket.on('error', () => {})
  // Not `once`, which rejects at an 'error': foreman may close while the rest is being written.
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
  await once(socket, 'connect')
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; ) {
    const size = random.skewed(1, bytes.length)
    socket.write(bytes.subarray(at, at + size))
    at += size
    if (random.happens(0.2)) await new Promise(setImmediate)
  }
  socket.end()
  await closed
  return received
}

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  const random = new SeededRandom(seed)
  const asked = new Set<string>()
  const target = http.createServer((req, res) => {
    asked.add(req.url ?? '')
    req.resume().on('end', () => res.setHeader('Content-Type', 'application/json').end(answerOf(req.url ?? '')))
    req.on('error', () => {})
  })
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  const folder = await mkdtemp(join(tmpdir(), 'foreman-fuzz-'))
  const env = {
    FOREMAN_OLLAMA_URL: `http://127.0.0.1:${(target.address() as AddressInfo).port}`,
    FOREMAN_ADDR: '127.0.0.1:0',
    FOREMAN_DB: join(folder, 'foreman.db'),
    FOREMAN_LOG_LEVEL: 'silent',
    FOREMAN_MIN_FREE: '0',
  }
  const machine = { hostname: 'test', addresses: [] }
  const loaded = loadConfig({ flags: {}, env, dotenv: null, readFile: () => '', machine })
  if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'))
  const { config } = loaded
  const daemon = createDaemon(config, { clock: systemClock, log: createLog(config) })
  await daemon.start()
  const port = Number(new URL(daemon.url).port)
  try {
    let cases = 0
    for (; cases === 0 || !until(); cases += BATCH) {
      const texts = Array.from({ length: BATCH }, () => broken(random))
      const answers = await Promise.all(texts.map((text) => exchange(port, text, random)))
      for (const [i, answer] of answers.entries()) {
        if (answer === '' || /^HTTP\/1\.1 [1-5]\d\d [^\r\n]*\r\n/.test(answer)) continue
        throw new Error(
          `seed ${seed}: an answer that is not HTTP: ${JSON.stringify(answer.slice(0, 200))}\n${JSON.stringify(texts[i])}`,
        )
      }
      if ((await fetch(`${daemon.url}/healthz`)).status !== 200) throw new Error(`seed ${seed}: /healthz is not 200`)
      const foreign = [...asked].find((path) => !ALLOWED.has(path.split('?', 1)[0] ?? ''))
      if (foreign !== undefined)
        throw new Error(`seed ${seed}: the target was asked for ${foreign}\n${JSON.stringify(texts)}`)
    }
    return { cases }
  } finally {
    void daemon.stop()
    await daemon.stop()
    target.closeAllConnections()
    await new Promise((resolve) => target.close(resolve))
    await rm(folder, { recursive: true, force: true })
  }
}

const ALLOWED = new Set(ROUTES.map(({ path }) => path))

function answerOf(path: string): string {
  if (path === '/api/tags') return '{"models":[{"name":"a:latest","model":"a:latest","digest":"x"}]}'
  if (path === '/api/ps') return '{"models":[]}'
  return path === '/api/version' ? '{"version":"0.17.4"}' : '{"done":true}'
}
