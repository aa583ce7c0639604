// Target of the streaming benches: a process that answers like an Ollama whose model costs nothing. The request's
// `options` say how it answers; each record carries the time at which it was written.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { microseconds } from '../monotonic.ts'

const MODEL = 'bench:latest'
const DIGEST = 'b'.repeat(64)

/** How the target should answer, from `options`. */
export interface Wanted {
  /** Records before the last one. */
  readonly chunks: number
  /** Milliseconds between two records; 0 = as fast as they are read. */
  readonly every_ms: number
  /** Bytes of content per record. */
  readonly chunk_bytes: number
  /** Never answer: keeps the queue waiting. */
  readonly hold: boolean
}

const DEFAULTS: Wanted = { chunks: 1, every_ms: 0, chunk_bytes: 5, hold: false }

const model = {
  name: MODEL,
  model: MODEL,
  modified_at: '2026-01-01T00:00:00Z',
  size: 1,
  digest: DIGEST,
  details: { format: 'gguf', family: 'llama', families: ['llama'], parameter_size: '1', quantization_level: 'F16' },
}

const INVENTORY: Readonly<Record<string, string>> = {
  '/api/tags': JSON.stringify({ models: [model] }),
  '/api/ps': JSON.stringify({
    models: [{ ...model, expires_at: '2036-01-01T00:00:00Z', size_vram: 1, context_length: 4096 }],
  }),
  '/api/version': JSON.stringify({ version: '0.17.4' }),
  '/api/embed': JSON.stringify({ model: MODEL, embeddings: [Array.from({ length: 768 }, (_, i) => Math.sin(i + 1))] }),
  '/api/show': JSON.stringify({ details: model.details, model_info: {}, capabilities: ['completion'] }),
}

const record = (content: string, done: boolean): string =>
  `{"model":"${MODEL}","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"${content}"},"at":${microseconds()},"done":${done}${
    done ? ',"done_reason":"stop","total_duration":1,"load_duration":1,"prompt_eval_count":1,"eval_count":1' : ''
  }}\n`

async function chat(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part)
  const body: { options?: Partial<Wanted> } = JSON.parse(Buffer.concat(parts).toString('utf8'))
  const wanted = { ...DEFAULTS, ...body.options }
  if (wanted.hold) return
  res.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
  const content = 'x'.repeat(wanted.chunk_bytes)
  if (wanted.every_ms > 0) return stream(res, content, wanted)
  for (let sent = 0; sent < wanted.chunks; sent++) {
    if (!res.write(record(content, false))) await drained(res)
    if (res.destroyed) return
  }
  res.end(record('', true))
}

function stream(res: ServerResponse, content: string, { chunks, every_ms }: Wanted): void {
  let sent = 0
  const send = () => {
    sent += 1
    if (sent > chunks) {
      clearInterval(timer)
      res.end(record('', true))
    } else {
      res.write(record(content, false))
    }
  }
  const timer = setInterval(send, every_ms)
  res.once('close', () => clearInterval(timer))
  send()
}

const drained = (res: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const go = () => {
      res.off('drain', go)
      res.off('close', go)
      resolve()
    }
    res.once('drain', go)
    res.once('close', go)
  })

const server = createServer({ noDelay: true, keepAlive: true }, (req, res) => {
  const known = INVENTORY[req.url ?? '']
  if (known !== undefined) {
    res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': known.length }).end(known)
  } else if (req.method === 'POST' && req.url === '/api/chat') {
    chat(req, res).catch(() => res.destroy())
  } else {
    res.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found')
  }
})
server.keepAliveTimeout = 3_600_000
server.on('connection', (socket: Socket) => socket.on('error', () => {}))
server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address()
  if (address !== null && typeof address !== 'string') console.log(`listening ${address.port}`)
})
