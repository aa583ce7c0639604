// HTTP server with one scripted job: a test sets its state, sends its events and cuts them. It counts the open sockets, which shows
// whether a client has closed its connections.

import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished, vi } from 'vitest'
import { eventNumber, type JobEvent } from '../../src/protocol/event.ts'
import type { JobDocument, JobState } from '../../src/protocol/wire.ts'

export const ID = '01KDWS9F3K8E6YJ5T9S1R2Q3WX'

export const document = (state: JobState, more: Partial<JobDocument> = {}): JobDocument => ({
  job_id: ID,
  state,
  model: 'tiny-a',
  endpoint: '/api/chat',
  label: null,
  attempt: state === 'queued' ? 0 : 1,
  max_attempts: 3,
  position: state === 'queued' ? 0 : null,
  waiting_for: null,
  created_at: '2026-01-06T12:00:00.000Z',
  started_at: null,
  finished_at: null,
  timings: { queue_ms: null, load_ms: null, run_ms: null, eval_ms: null },
  usage: null,
  done_reason: null,
  error: null,
  retry_of: null,
  artifacts: [],
  deliveries: [],
  ...(state === 'failed' ? { error: { code: 'target_error', message: 'no such luck', status: 500 } } : {}),
  ...(state === 'cancelled' ? { error: { code: 'cancelled', message: 'request canceled', status: null } } : {}),
  ...more,
})

/** The `change`th state change (1 is `queued`). */
export const stateEvent = (change: number, state: JobState, previous: JobState | null = null): JobEvent => ({
  number: eventNumber(change),
  type: 'state',
  state,
  previous_state: previous,
  attempt: 1,
  timestamp: '2026-01-06T12:00:00.000Z',
})

/** The `record`th record after the `change`th change: a word of a chat. */
export const wordEvent = (change: number, record: number, content: string): JobEvent => ({
  number: eventNumber(change, record),
  type: 'record',
  data: { model: 'tiny-a', message: { role: 'assistant', content }, done: false },
})

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export class ScriptedForeman {
  readonly asked: Asked[] = []
  /** Answer of GET /jobs/{id}. */
  job: JobDocument = document('queued')
  /** Events that each connection to the events gets at once. */
  history: JobEvent[] = []
  /** Open connections to the events. */
  readonly streams = new Set<ServerResponse>()
  /** Answers that replace the usual ones, by method and path such as `GET /jobs`. */
  readonly answers = new Map<string, RequestListener>()
  url = ''
  sockets = 0
  readonly #server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const { method = '', url: path = '', headers } = req
      this.asked.push({ method, path, headers, body: Buffer.concat(chunks).toString() })
      const answer = this.answers.get(`${method} ${path.split('?')[0]}`)
      if (answer !== undefined) answer(req, res)
      else this.#usual(`${method} ${path}`, res)
    })
  })

  async listen(port = 0): Promise<void> {
    this.#server.on('connection', (socket) => {
      this.sockets++
      socket.on('close', () => this.sockets--)
    })
    await new Promise<void>((listening) => this.#server.listen(port, '127.0.0.1', listening))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): Promise<unknown> {
    this.#server.closeAllConnections()
    return new Promise((closed) => this.#server.close(closed))
  }

  /** Number of these requests. */
  count(method: string, path: string): number {
    return this.asked.filter((asked) => asked.method === method && asked.path.split('?')[0] === path).length
  }

  get looks(): number {
    return this.count('GET', `/jobs/${ID}`)
  }

  /** Sends to the present listeners. Throws if there are none, because the test would hang. */
  tell(...events: readonly JobEvent[]): void {
    if (this.streams.size === 0) throw new Error('nobody listens to the events yet')
    for (const stream of this.streams) stream.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  }

  /** Cuts the connections to the events without a proper end. */
  cut(): void {
    for (const stream of this.streams) stream.destroy()
  }

  #usual(what: string, res: ServerResponse): void {
    if (what === 'POST /jobs') return json(res, 202, receipt(), { location: `/jobs/${ID}` })
    if (what.startsWith(`GET /jobs/${ID}/events`)) return this.#stream(res)
    if (what === `GET /jobs/${ID}`) return json(res, 200, this.job)
    json(res, 404, { error: `no route ${what}`, code: 'job_not_found' })
  }

  #stream(res: ServerResponse): void {
    this.streams.add(res)
    res.on('close', () => this.streams.delete(res))
    res.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders()
    for (const event of this.history) res.write(`${JSON.stringify(event)}\n`)
  }
}

export const receipt = () => ({
  job_id: ID,
  state: 'queued',
  position: 0,
  urls: { self: `/jobs/${ID}`, events: `/jobs/${ID}/events`, cancel: `/jobs/${ID}/cancel` },
})

export function json(res: ServerResponse, status: number, it: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(it))
}

export async function scriptedForeman(): Promise<ScriptedForeman> {
  const foreman = new ScriptedForeman()
  await foreman.listen()
  onTestFinished(async () => void (await foreman.close()))
  return foreman
}

/** Waits without a timer until `look` returns true. Fails after two minutes. */
export async function until(what: string, look: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!look()) {
    if (performance.now() > deadline) throw new Error(`waited two minutes in vain: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Client timers of at least this length run only when a test fires them, because a machine may be slow. */
const STANDS_STILL_MS = 1_000

/** The client's timers that have neither fired nor been cleared. */
export class ClientTimers {
  readonly #pending = new Map<unknown, { readonly ms: number; readonly fire: () => void }>()

  constructor() {
    const { setTimeout: set, clearTimeout: clear } = globalThis
    const pending = this.#pending
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((
      fn: (...args: unknown[]) => void,
      ms = 0,
      ...args: unknown[]
    ) => {
      // undici, which implements Node's fetch, sets timers too.
      if (!new Error().stack?.includes('/src/client/')) return set(fn, ms, ...args)
      const fire = (): void => {
        pending.delete(timer)
        clear(timer)
        fn(...args)
      }
      const timer = ms < STANDS_STILL_MS ? set(fire, ms) : set(() => {}, 2 ** 31 - 1)
      pending.set(timer, { ms, fire })
      return timer
    }) as typeof setTimeout)
    vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
      pending.delete(timer)
      clear(timer)
    })
    onTestFinished(() => void vi.restoreAllMocks())
  }

  /** In milliseconds, as they were set. */
  get delays(): number[] {
    return [...this.#pending.values()].map(({ ms }) => ms).sort((a, b) => a - b)
  }

  /** Fires the timers with this delay. */
  fire(ms: number): void {
    const due = [...this.#pending.values()].filter((timer) => timer.ms === ms)
    if (due.length === 0) throw new Error(`no timer of ${ms} ms, only of ${this.delays}`)
    for (const { fire } of due) fire()
  }
}

/** Open servers of this process. Those of the test before may still be included. */
export const openServers = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length
