// Owns the second witness: a real HTTP server that answers as Ollama does, at the pace and with the faults that it is told, and
// writes down what it saw of every worker request, byte for byte. It outlives every daemon.

import { createHash } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerOf, errorRecord } from '../fake-ollama/answers.ts'
import { Memory, tagsOf } from '../fake-ollama/memory.ts'
import type { Execution } from './history.ts'
import type { Moments } from './moments.ts'

/** What becomes of one request. */
export interface Fate {
  readonly kind: 'whole' | 'cut' | 'unmarked' | 'error' | 'http_error' | 'busy'
  /** Words that the model says. */
  readonly words: number
  /** The ending comes after so many records. */
  readonly after: number
  /** `cut`: half of the next record is still sent. */
  readonly midRecord: boolean
  /** Between two records, and before the first; ms. */
  readonly pauseMs: number
  readonly loadMs: number
}

export const WHOLE: Fate = { kind: 'whole', words: 3, after: 0, midRecord: false, pauseMs: 1, loadMs: 1 }

/** The ends and the starts travel on different sockets: so many turns of the loop decide who was first. */
const TURNS = 50

type Draft = { -readonly [K in keyof Execution]: Execution[K] }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class WatchedTarget {
  readonly executions: readonly Execution[]
  readonly #executions: Draft[] = []
  readonly #memory = new Memory(1)
  readonly #open = new Set<ServerResponse>()
  readonly #moments: Moments
  readonly #models: readonly string[]
  readonly #server = http.createServer({ keepAliveTimeout: 0 }, (req, res) => void this.#handle(req, res))
  /** Decides over each request, from now on. */
  fate: (jobId: string, attempt: number) => Fate = () => WHOLE

  private constructor(moments: Moments, models: readonly string[]) {
    this.#moments = moments
    this.#models = models
    this.executions = this.#executions
  }

  static async start(moments: Moments, models: readonly string[]): Promise<WatchedTarget> {
    const target = new WatchedTarget(moments, models)
    await new Promise<void>((resolve) => target.#server.listen(0, '127.0.0.1', resolve))
    return target
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves when no worker request is open: what a dead daemon had sent has been seen to end. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await turn()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    req.on('error', () => undefined)
    res.on('error', () => undefined)
    const { url: path = '' } = req
    if (path === '/api/ps') return json(res, this.#memory.ps())
    if (path === '/api/tags') return json(res, tagsOf(this.#models))
    if (path === '/api/version') return json(res, '{"version":"0.17.4"}')
    if (path === '/api/show') {
      await read(req)
      return json(res, '{"details":{"format":"gguf","family":"llama"},"model_info":{}}')
    }
    for (let turns = 0; turns < TURNS && this.#open.size > 0; turns++) await turn()
    const run: Draft = {
      jobId: String(req.headers['x-foreman-job-id']),
      attempt: Number(req.headers['x-foreman-attempt']),
      ...{ body: '', beganAt: this.#moments.next(), endedAt: Number.POSITIVE_INFINITY },
      ...{ ending: 'aborted', status: null, sent: '', text: '' },
    }
    this.#executions.push(run)
    this.#open.add(res)
    const over = (ending: Execution['ending']): void => {
      if (!this.#open.delete(res)) return
      run.endedAt = this.#moments.next()
      run.ending = ending
    }
    res.on('close', () => over('aborted'))
    try {
      const body = await read(req)
      run.body = createHash('sha256').update(body).digest('hex')
      await this.#answer(path, JSON.parse(body.toString('utf8')), run, res, over)
    } catch {
      // It went away while it sent, which `close` has told.
      over('aborted')
    }
  }

  async #answer(
    path: string,
    { model, stream }: { model: string; stream?: boolean },
    run: Draft,
    res: ServerResponse,
    over: (ending: Execution['ending']) => void,
  ): Promise<void> {
    const fate = this.fate(run.jobId, run.attempt)
    if (fate.kind === 'busy' || fate.kind === 'http_error') {
      const isBusy = fate.kind === 'busy'
      run.status = isBusy ? 503 : 500
      run.sent = JSON.stringify({ error: isBusy ? 'server busy, please try again.' : 'the runner went away' })
      res.writeHead(run.status, { 'Content-Type': 'application/json; charset=utf-8' })
      over(isBusy ? 'busy' : 'error')
      res.end(run.sent)
      return
    }
    const isLoaded = this.#memory.isLoaded(model, null)
    await pause(isLoaded ? 0 : fate.loadMs)
    if (res.destroyed) return
    if (!isLoaded) this.#memory.load(model, null)
    const streams = path.startsWith('/api/') ? stream !== false : stream === true
    // Of this run alone: whoever has a part of it can tell where it came from.
    const tokens = Array.from({ length: fate.words }, (_, n) => (n === 0 ? `run ${run.beganAt}:` : ` w${n}`))
    run.text = tokens.join('')
    const answer = answerOf(path, { model, tokens, promptTokens: 7, loaded: !isLoaded }, streams, false)
    await this.#send(answer, streams, fate, run, res, over)
  }

  async #send(
    { contentType, records }: { contentType: string; records: readonly string[] },
    streams: boolean,
    fate: Fate,
    run: Draft,
    res: ServerResponse,
    over: (ending: Execution['ending']) => void,
  ): Promise<void> {
    const whole = records.join('')
    const last = fate.kind === 'whole' ? records.length : Math.min(fate.after, records.length - 1)
    await pause(fate.pauseMs)
    if (res.destroyed) return
    run.status = 200
    const length = streams
      ? {}
      : { 'Content-Length': Buffer.byteLength(fate.kind === 'cut' ? whole : endless(whole, fate)) }
    res.writeHead(200, { 'Content-Type': contentType, ...length })
    const write = (bytes: string): void => {
      run.sent += bytes
      res.write(bytes)
    }
    if (!streams) return this.#document(whole, fate, write, res, over)
    for (const record of records.slice(0, last)) {
      if (res.destroyed) return
      // Counted as ended before its last byte is out: whoever reads it may send the next at once.
      write(record)
      if (fate.pauseMs > 0) await pause(fate.pauseMs)
    }
    if (res.destroyed) return
    const next = records[last] ?? ''
    if (fate.kind === 'cut') {
      if (fate.midRecord) write(next.slice(0, next.length / 2))
      over('cut')
      res.write('', () => res.destroy())
      return
    }
    if (fate.kind === 'error') write(errorRecord(contentType, 'the runner went away'))
    over(fate.kind === 'unmarked' ? 'unmarked' : fate.kind === 'error' ? 'error' : 'whole')
    res.end()
  }

  /** Not streamed: it comes in two pieces. */
  async #document(
    whole: string,
    fate: Fate,
    write: (bytes: string) => void,
    res: ServerResponse,
    over: (ending: Execution['ending']) => void,
  ): Promise<void> {
    const text = endless(whole, fate)
    const half = Math.floor(text.length / 2)
    write(text.slice(0, half))
    await pause(fate.pauseMs)
    if (res.destroyed) return
    if (fate.kind === 'cut') {
      over('cut')
      return void res.destroy()
    }
    // What has no marker on this surface is whole without it.
    over(fate.kind === 'error' ? 'error' : text === whole ? 'whole' : 'unmarked')
    write(text.slice(half))
    res.end()
  }
}

/** What a document says that has no end, or a bad one. */
function endless(whole: string, { kind }: Fate): string {
  if (kind === 'error') return JSON.stringify({ error: 'the runner went away' })
  return kind === 'unmarked' ? whole.replace(/"done":true,"done_reason":"[a-z]+"/, '"done":false') : whole
}

function json(res: ServerResponse, body: string): void {
  res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) })
  res.end(body)
}

async function read(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
