// HTTP server that answers as Ollama does, with the faults it is given, and records every worker request byte for byte. It runs for the
// whole run.

import { createHash } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerOf, errorRecord } from '../fake-ollama/answers.ts'
import { Memory, tagsOf } from '../fake-ollama/memory.ts'
import type { LogicalClock } from './logical-clock.ts'
import type { Execution } from './run-history.ts'

/** How one request is answered. */
export interface TargetFault {
  readonly kind: 'whole' | 'cut' | 'unmarked' | 'error' | 'http_error' | 'busy'
  /** Words of the answer. */
  readonly words: number
  /** Number of records before the fault. */
  readonly after: number
  /** For `cut`: half of the next record is still sent. */
  readonly midRecord: boolean
  /** Before each record. */
  readonly pauseMs: number
  readonly loadMs: number
}

export const NO_FAULT: TargetFault = { kind: 'whole', words: 3, after: 0, midRecord: false, pauseMs: 1, loadMs: 1 }

/** Event loop turns to wait for the end of the last request, which arrives on another socket than the next one. */
const TURNS = 50

type Draft = { -readonly [K in keyof Execution]: Execution[K] }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class WatchedTarget {
  readonly executions: readonly Execution[]
  readonly #executions: Draft[] = []
  readonly #memory = new Memory(1)
  readonly #open = new Set<ServerResponse>()
  readonly #clock: LogicalClock
  readonly #models: readonly string[]
  readonly #server = http.createServer({ keepAliveTimeout: 0 }, (req, res) => void this.#handle(req, res))
  /** Chooses the fault of each request. */
  faultFor: (jobId: string, attempt: number) => TargetFault = () => NO_FAULT

  private constructor(clock: LogicalClock, models: readonly string[]) {
    this.#clock = clock
    this.#models = models
    this.executions = this.#executions
  }

  static async start(clock: LogicalClock, models: readonly string[]): Promise<WatchedTarget> {
    const target = new WatchedTarget(clock, models)
    await new Promise<void>((resolve) => target.#server.listen(0, '127.0.0.1', resolve))
    return target
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves when no worker request is open, so that every request of a killed daemon has an end. */
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
      ...{ body: '', beganAt: this.#clock.next(), endedAt: Number.POSITIVE_INFINITY },
      ...{ ending: 'aborted', status: null, sent: '', text: '' },
    }
    this.#executions.push(run)
    this.#open.add(res)
    const over = (ending: Execution['ending']): void => {
      if (!this.#open.delete(res)) return
      run.endedAt = this.#clock.next()
      run.ending = ending
    }
    res.on('close', () => over('aborted'))
    try {
      const body = await read(req)
      run.body = createHash('sha256').update(body).digest('hex')
      await this.#answer(path, JSON.parse(body.toString('utf8')), run, res, over)
    } catch {
      // The connection was closed while the body was sent; `close` was emitted.
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
    const fault = this.faultFor(run.jobId, run.attempt)
    if (fault.kind === 'busy' || fault.kind === 'http_error') {
      const isBusy = fault.kind === 'busy'
      run.status = isBusy ? 503 : 500
      run.sent = JSON.stringify({ error: isBusy ? 'server busy, please try again.' : 'the runner went away' })
      res.writeHead(run.status, { 'Content-Type': 'application/json; charset=utf-8' })
      over(isBusy ? 'busy' : 'error')
      res.end(run.sent)
      return
    }
    const isLoaded = this.#memory.isLoaded(model, null)
    await pause(isLoaded ? 0 : fault.loadMs)
    if (res.destroyed) return
    if (!isLoaded) this.#memory.load(model, null)
    const streams = path.startsWith('/api/') ? stream !== false : stream === true
    // Each word belongs to this execution alone, so that any part of an answer shows where it came from.
    const tokens = Array.from({ length: fault.words }, (_, n) => (n === 0 ? `run ${run.beganAt}:` : ` w${n}`))
    run.text = tokens.join('')
    const answer = answerOf(path, { model, tokens, promptTokens: 7, loaded: !isLoaded }, streams, false)
    await this.#send(answer, streams, fault, run, res, over)
  }

  async #send(
    { contentType, records }: { contentType: string; records: readonly string[] },
    streams: boolean,
    fault: TargetFault,
    run: Draft,
    res: ServerResponse,
    over: (ending: Execution['ending']) => void,
  ): Promise<void> {
    const whole = records.join('')
    const last = fault.kind === 'whole' ? records.length : Math.min(fault.after, records.length - 1)
    await pause(fault.pauseMs)
    if (res.destroyed) return
    run.status = 200
    const length = streams
      ? {}
      : { 'Content-Length': Buffer.byteLength(fault.kind === 'cut' ? whole : endless(whole, fault)) }
    res.writeHead(200, { 'Content-Type': contentType, ...length })
    const write = (bytes: string): void => {
      run.sent += bytes
      res.write(bytes)
    }
    if (!streams) return this.#document(whole, fault, write, res, over)
    for (const record of records.slice(0, last)) {
      if (res.destroyed) return
      // Recorded as ended before the last byte is sent, because the daemon may send the next request at once.
      write(record)
      if (fault.pauseMs > 0) await pause(fault.pauseMs)
    }
    if (res.destroyed) return
    const next = records[last] ?? ''
    if (fault.kind === 'cut') {
      if (fault.midRecord) write(next.slice(0, next.length / 2))
      over('cut')
      res.write('', () => res.destroy())
      return
    }
    if (fault.kind === 'error') write(errorRecord(contentType, 'the runner went away'))
    over(fault.kind === 'unmarked' ? 'unmarked' : fault.kind === 'error' ? 'error' : 'whole')
    res.end()
  }

  /** Sends an answer that is not streamed, in two pieces. */
  async #document(
    whole: string,
    fault: TargetFault,
    write: (bytes: string) => void,
    res: ServerResponse,
    over: (ending: Execution['ending']) => void,
  ): Promise<void> {
    const text = endless(whole, fault)
    const half = Math.floor(text.length / 2)
    write(text.slice(0, half))
    await pause(fault.pauseMs)
    if (res.destroyed) return
    if (fault.kind === 'cut') {
      over('cut')
      return void res.destroy()
    }
    // Some endpoints have no terminal marker in a document; then it counts as whole.
    over(fault.kind === 'error' ? 'error' : text === whole ? 'whole' : 'unmarked')
    write(text.slice(half))
    res.end()
  }
}

/** Returns the document without its terminal marker, or an error document. */
function endless(whole: string, { kind }: TargetFault): string {
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
