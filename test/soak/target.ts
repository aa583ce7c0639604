// Simulated Ollama of a soak. It answers at a fixed pace and keeps no record of requests.

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerOf, embeddingAnswer } from '../fake-ollama/answers.ts'
import { Memory, tagsOf } from '../fake-ollama/memory.ts'

export const WORKERS = ['tiny-a:latest', 'tiny-b:latest'] as const
export const EMBEDDER = 'tiny-embed:latest'

const CUT_EVERY = 40

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class SoakTarget {
  requests = 0
  readonly #tokenMs: number
  readonly #memory = new Memory(2)
  readonly #server = http.createServer((req, res) => void this.#handle(req, res).catch(() => res.destroy()))

  constructor(tokenMs = 3) {
    this.#tokenMs = tokenMs
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.on('error', () => undefined)
    const { url: path = '' } = req
    if (path === '/api/ps') return send(res, this.#memory.ps())
    if (path === '/api/tags') return send(res, tagsOf([...WORKERS, EMBEDDER]))
    if (path === '/api/version') return send(res, '{"version":"0.17.4"}')
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const asked = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (path.includes('embed')) return send(res, embeddingAnswer(path, asked.model, ['one', 'two']).records.join(''))
    if (path === '/api/show') return send(res, '{"capabilities":["completion"]}')
    this.requests += 1
    if (!this.#memory.isLoaded(asked.model, null)) this.#memory.load(asked.model, null)
    const tokens = Array.from({ length: asked.options?.num_predict ?? 8 }, (_, n) => ` word${n}`)
    const streams = path.startsWith('/api/') ? asked.stream !== false : asked.stream === true
    const said = { model: asked.model, tokens, promptTokens: 7, loaded: false }
    const { contentType, records } = answerOf(path, said, streams, false)
    res.writeHead(200, { 'Content-Type': contentType })
    for (const [n, record] of records.entries()) {
      if (res.destroyed) return
      if (this.requests % CUT_EVERY === 0 && n === records.length - 1) return void res.destroy()
      res.write(record)
      if (this.#tokenMs > 0) await pause(this.#tokenMs)
    }
    res.end()
  }
}

function send(res: ServerResponse, body: string): void {
  res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) })
  res.end(body)
}
