// A daemon with a heap of 256 MiB survives every row of the catalogue of hard inputs.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { get } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { temporaryFolder } from '../harness.ts'
import { HARD_BODIES, HARD_FRAMINGS, type HardInput } from './hard-inputs.ts'
import { rawSocket } from './raw-socket.ts'

/** `HARD_MIB=95 npx vitest run test/http/hard-inputs.test.ts` also shows how long each row held the event loop. */
const BODY_BYTES = process.env['HARD_MIB'] === undefined ? 256 * 1024 : Number(process.env['HARD_MIB']) * 1024 * 1024

interface Limited {
  readonly url: string
  readonly port: number
  readonly child: ChildProcess
}

/** Starts a daemon that may use 256 MiB of heap. */
async function startLimited(): Promise<Limited> {
  const fake = await FakeOllama.start({ models: ['a:latest'] })
  onTestFinished(() => fake.stop())
  const settings = {
    FOREMAN_OLLAMA_URL: fake.url,
    FOREMAN_ADDR: '127.0.0.1:0',
    FOREMAN_DB: join(await temporaryFolder(), 'foreman.db'),
    FOREMAN_LOG_LEVEL: 'silent',
    FOREMAN_MIN_FREE: '0',
  }
  const child = fork(join(import.meta.dirname, 'hard-inputs-child.ts'), [JSON.stringify(settings)], {
    execArgv: ['--max-old-space-size=256'],
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return { url, port: Number(new URL(url).port), child }
}

const chunked = (text: string, size: number): string => {
  const piece = new RegExp(`.{1,${size}}`, 'gs')
  return text.replace(piece, (part) => `${part.length.toString(16)}\r\n${part}\r\n`)
}

/** Sends a row, and returns the status of its answer. */
async function send(
  { port }: Limited,
  { path, contentType, body, chunkBytes }: HardInput,
  bytes: number,
): Promise<number> {
  const text = body(bytes)
  const framing = chunkBytes === undefined ? `Content-Length: ${text.length}` : 'Transfer-Encoding: chunked'
  const line = await rawSocket(port)
  const type = contentType ?? 'application/json'
  line.send(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${framing}\r\nConnection: close\r\n\r\n`,
  )
  line.send(Buffer.from(chunkBytes === undefined ? text : `${chunked(text, chunkBytes)}0\r\n\r\n`, 'latin1'))
  const head = await line.until(/^HTTP\/1\.1 [2-5]\d\d /)
  line.socket.destroy()
  return Number(head.slice(9, 12))
}

describe('a daemon with a heap of 256 MiB', () => {
  it('reads bodies in chunks of one byte, many at once', async () => {
    const limited = await startLimited()
    // A million chunks; kept one by one they would be 300 MiB.
    const answers = await Promise.all(HARD_FRAMINGS.map((input) => send(limited, input, 200_000)))
    expect(answers).toHaveLength(HARD_FRAMINGS.length)
    expect((await get(limited.url, '/healthz')).status).toBe(200)
  })

  it('reads every hard body', async () => {
    const limited = await startLimited()
    const measured: string[] = []
    for (const row of HARD_BODIES) {
      await longestTurn(limited)
      expect(await send(limited, row, BODY_BYTES)).toBeGreaterThan(0)
      measured.push(`${(await longestTurn(limited)).toFixed(1).padStart(6)} ms  ${row.name}`)
    }
    expect((await get(limited.url, '/healthz')).status).toBe(200)
    // Not asserted: HARD_MIB prints the times.
    if (process.env['HARD_MIB'] !== undefined) console.log(measured.join('\n'))
  }, 1_800_000)
})

/** The most CPU time of one turn of the daemon's event loop since this was asked last, in milliseconds. */
async function longestTurn({ child }: Limited): Promise<number> {
  child.send('turn')
  const [{ stallMs }] = (await once(child, 'message')) as [{ stallMs: number }]
  return stallMs
}
