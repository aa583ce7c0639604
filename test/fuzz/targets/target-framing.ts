// Fuzz target: answers of a target on raw sockets, with valid, invalid or incomplete framing. A body arrives whole or counts
// as lost, and the next request gets its own answer, not the rest of this one.

import { createServer, type Server, type Socket } from 'node:net'
import fc from 'fast-check'
import { pino } from 'pino'
import { createTarget } from '../../../src/daemon/ollama/send.ts'
import type { Target } from '../../../src/daemon/ollama/target.ts'
import { systemClock } from '../../../src/daemon/runtime/clock.ts'
import { CollectingSink } from '../../ollama-http/collecting-sink.ts'
import type { FuzzTurn } from '../target.ts'

export const name = 'target-framing'

const BATCH = 10
/** Limit for an exchange; a longer one counts as hung. */
const HUNG_MS = 60_000

/** Framing of the body, and its defect. */
const FRAMINGS = ['length', 'chunked', 'close'] as const
const FAULTS = [
  ...['none', 'none', 'none', 'cut', 'two lengths', 'length beside chunks', 'chunk size', 'chunk end', 'status line'],
  ...['header line', 'garbage behind', 'another answer behind'],
] as const

const answer = fc.record({
  body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  framing: fc.constantFrom(...FRAMINGS),
  fault: fc.constantFrom(...FAULTS),
  interim: fc.constantFrom('', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'),
  extras: fc.constantFrom('', 'X-Odd:\r\n', 'x-latin: \xe9\r\n', 'Set-Cookie: a=b\r\n', 'Keep-Alive: timeout=5\r\n'),
  extension: fc.constantFrom('', ';a=b', ';a="b"'),
  trailer: fc.constantFrom('', 'X-Sum: 1\r\n'),
  pieces: fc.array(fc.nat(400), { maxLength: 6 }),
  chunks: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 5 }),
})

type Answer = typeof answer extends fc.Arbitrary<infer T> ? T : never

const latin = (text: string): Buffer => Buffer.from(text, 'latin1')

function chunked({ body, chunks, extension, trailer, fault }: Answer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const size = Math.min(body.length - at, chunks[turn] ?? body.length)
    const written = fault === 'chunk size' ? 'g1' : size.toString(16)
    const end = fault === 'chunk end' ? 'x\r\n' : '\r\n'
    parts.push(latin(`${written}${extension}\r\n`), body.subarray(at, at + size), latin(end))
    at += size
  }
  return Buffer.concat([...parts, latin(`0\r\n${trailer}\r\n`)])
}

function headOf({ framing, fault, interim, extras, body }: Answer): string {
  const status = fault === 'status line' ? 'HTTP/1.1 2O0 OK' : 'HTTP/1.1 200 OK'
  const length = `Content-Length: ${body.length}\r\n`
  const chunks = 'Transfer-Encoding: chunked\r\n'
  const own = framing === 'length' ? length : framing === 'chunked' ? chunks : 'Connection: close\r\n'
  const twice = fault === 'two lengths' ? `${length}Content-Length: ${body.length + 3}\r\n` : ''
  const both = fault === 'length beside chunks' ? length + chunks : ''
  const odd = fault === 'header line' ? 'no colon here\r\n' : ''
  const framed = twice || both || own
  return `${interim}${status}\r\nContent-Type: application/json\r\n${extras}${odd}${framed}\r\n`
}

function bytesOf(one: Answer): Buffer {
  const isChunked = one.framing === 'chunked' || one.fault === 'length beside chunks'
  const body = isChunked && one.fault !== 'two lengths' ? chunked(one) : one.body
  const whole = Buffer.concat([latin(headOf(one)), body])
  if (one.fault === 'cut') return whole.subarray(0, whole.length - 1 - ((one.pieces[0] ?? 0) % whole.length))
  return whole
}

function bytesBehind({ fault }: Answer): Buffer {
  if (fault === 'garbage behind') return latin('garbage')
  return latin(fault === 'another answer behind' ? 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged' : '')
}

/** Expected result: the body arrives whole, it is lost, or either (the defect comes after its end or changes no byte). */
function expected({ framing, fault, body }: Answer): 'whole' | 'lost' | 'either' {
  switch (fault) {
    case 'none':
      return 'whole'
    case 'cut':
      // A body that ends with its connection cannot be told from a cut one.
      return framing === 'close' ? 'either' : 'lost'
    case 'chunk size':
    case 'chunk end':
      return framing !== 'chunked' ? 'whole' : body.length === 0 ? 'whole' : 'lost'
    case 'garbage behind':
    case 'another answer behind':
      return 'either'
    default:
      return 'lost'
  }
}

class RawTarget {
  /** The tag of a request and its answer. All other requests are answered with their tag. */
  script: { readonly tag: string; readonly answer: Answer } | null = null
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket))
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('no port')
    return address.port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    let seen = ''
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1')
      // The body of each request is `{}`.
      if (!seen.endsWith('\r\n\r\n{}')) return
      const tag = /^POST \S*\?(\d+) /.exec(seen)?.[1] ?? ''
      seen = ''
      if (tag !== this.script?.tag) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${tag.length}\r\n\r\n${tag}`)
      else void this.#write(socket, this.script.answer)
    })
  }

  async #write(socket: Socket, one: Answer): Promise<void> {
    const bytes = bytesOf(one)
    const cuts = bytes.length === 0 ? [] : one.pieces.map((piece) => piece % bytes.length)
    const places = [...new Set([0, ...cuts, bytes.length])].sort((a, b) => a - b)
    for (const [index, from] of places.entries()) {
      const to = places[index + 1]
      if (to === undefined || to === bytes.length) {
        // In one write: bytes after the next request would count as its answer, for any client. The connection closes with
        // them, because a later end would cut another answer.
        const last = Buffer.concat([bytes.subarray(from), bytesBehind(one)])
        if (one.framing === 'close' || one.fault !== 'none') socket.end(last)
        else socket.write(last)
        return
      }
      await new Promise((resolve) => socket.write(bytes.subarray(from, to), resolve))
      await new Promise(setImmediate)
    }
  }
}

let tags = 0

interface Ended {
  readonly ended: 'end' | 'lost'
  readonly body: Buffer
}

async function exchange(target: Target, way: 'job' | 'embedding', tag: string): Promise<Ended> {
  const sink = new CollectingSink()
  const headers = { 'content-type': 'application/json' }
  const body = Buffer.from('{}')
  const sent =
    way === 'job'
      ? target.sendJob({ method: 'POST', path: `/api/chat?${tag}`, headers, body }, sink)
      : target.sendEmbedding({ method: 'POST', path: `/api/embed?${tag}`, headers, body }, sink)
  const { promise: hung, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`the exchange has not ended: ${sink.calls.join(' ')}`)), HUNG_MS)
  const { kind } = await Promise.race([sink.ended, hung])
  await Promise.race([sent.settled, hung])
  clearTimeout(timer)
  const order = sink.calls.join(' ')
  if (!/^(head )?(data )?(end|lost)$/.test(order)) throw new Error(`calls in the order ${order}`)
  return { ended: kind, body: sink.body }
}

async function check(raw: RawTarget, target: Target, one: Answer, way: 'job' | 'embedding'): Promise<void> {
  const tag = String(tags++)
  raw.script = { tag, answer: one }
  const first = await exchange(target, way, tag)
  const wanted = expected(one)
  if (first.ended === 'end' && wanted === 'lost')
    throw new Error(`(${way}) passed off as whole: ${first.body.length} bytes`)
  if (first.ended === 'lost' && wanted === 'whole') throw new Error(`(${way}) a good answer is lost`)
  if (first.ended === 'end' && one.fault !== 'cut' && !isBodyOf(one, first.body))
    throw new Error(`(${way}) ended with other bytes: ${JSON.stringify(first.body.toString('latin1'))}`)
  const nextTag = String(tags++)
  const second = await exchange(target, way, nextTag)
  if (second.ended === 'end' && second.body.toString() !== nextTag)
    throw new Error(`(${way}) the next request got ${JSON.stringify(second.body.toString('latin1'))}`)
}

/** Bytes after a body that ends with its connection belong to it. */
function isBodyOf({ framing, body }: Answer, got: Buffer): boolean {
  return framing === 'close' ? got.subarray(0, body.length).equals(body) : got.equals(body)
}

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  const raw = new RawTarget()
  const url = `http://127.0.0.1:${await raw.listen()}`
  const log = pino({ level: 'silent' })
  const target = createTarget({ url, token: null, clock: systemClock, log, embedConcurrency: 1, hop: 'fuzz' })
  try {
    let cases = 0
    const property = fc.asyncProperty(answer, fc.constantFrom('job' as const, 'embedding' as const), (one, way) =>
      check(raw, target, one, way),
    )
    for (let batch = 0; batch === 0 || !until(); batch++) {
      await fc.assert(property, { seed: seed + batch, numRuns: BATCH, includeErrorInReport: true })
      cases += BATCH
    }
    return { cases }
  } finally {
    await target.close()
    await raw.close()
  }
}
