// Fake of Ollama 0.17.4 that can be scripted for each request. It waits for gates, never for timers, and logs what it gets; tests wait
// for its signals.

import { createServer, type Server, type Socket } from 'node:net'
import { AnswerWriter, type Reply } from './fake-ollama/answer-writer.ts'
import { type Answer, answerOf, embeddingAnswer, loadAnswer } from './fake-ollama/answers.ts'
import { Connection, Gone } from './fake-ollama/connection.ts'
import { Gates } from './fake-ollama/gates.ts'
import { keepAliveMs, Memory } from './fake-ollama/memory.ts'
import { document, plainReply } from './fake-ollama/plain-reply.ts'
import { contentOf, inputsOf, isNothingToSay, isWorkerPath, modelOf, refusal } from './fake-ollama/request-content.ts'
import type { Script } from './fake-ollama/script.ts'
import type { SeenRequest } from './fake-ollama/seen-request.ts'
import { type HeldPort, holdPort, listenOn } from './held-port.ts'

export type { Script } from './fake-ollama/script.ts'
export * from './fake-ollama/script.ts'
export type { SeenRequest } from './fake-ollama/seen-request.ts'

export interface FakeOptions {
  /** Installed models. */
  readonly models?: readonly string[]
  /** OLLAMA_MAX_LOADED_MODELS. */
  readonly slots?: number
  readonly version?: string
}

const MODELS = ['tiny-a:latest', 'tiny-b:latest', 'tiny-c:latest', 'tiny-embed:latest', 'tiny-slow:latest']

interface PendingRequest {
  readonly path: string | null
  readonly resolve: (request: SeenRequest) => void
}

export class FakeOllama {
  /** All requests, in the order of arrival. */
  readonly log: SeenRequest[] = []
  /**
   * Gates. `load`: before a model becomes resident. `head`: before the first byte. `middle`: after the first
   * record. `end`: before the last one. `cut`: before a scripted cut. Other names are those of `Script.gate`.
   */
  readonly gates = new Gates()
  readonly memory: Memory
  /** Worker requests that were open at the same time. foreman must never cause one. */
  readonly overlaps: (readonly [number, number])[] = []
  models: readonly string[]
  readonly #options: FakeOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #scripts = new Map<string, Script[]>()
  readonly #defaults = new Map<string, Script>()
  readonly #checks: Promise<void>[] = []
  #pending: PendingRequest[] = []
  #unclaimed: SeenRequest[] = []
  #asleep: PromiseWithResolvers<void> | null = null
  /** From `start` to `stop`: while the fake is down, no other program is given its port. */
  #held: HeldPort | null = null
  #order = 0
  #requests = 0
  #connections = 0

  private constructor(options: FakeOptions) {
    this.#options = options
    this.models = options.models ?? MODELS
    this.memory = new Memory(options.slots ?? 3)
    this.#server = createServer((socket) => this.#onConnection(socket))
  }

  static async start(options: FakeOptions = {}): Promise<FakeOllama> {
    const fake = new FakeOllama(options)
    fake.#held = await holdPort()
    await fake.up()
    return fake
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get port(): number {
    return this.#held?.port ?? 0
  }

  /** Number of connections accepted so far. */
  get connections(): number {
    return this.#connections
  }

  /** Number of open connections. */
  get open(): number {
    return this.#sockets.size
  }

  /** Number of model loads, which the queue keeps low. */
  get loads(): number {
    return this.memory.loads.length
  }

  /** Scripts the answers to the next requests to this path, one script each, in this order. */
  on(path: string, ...scripts: readonly Script[]): this {
    this.#scripts.set(path, [...(this.#scripts.get(path) ?? []), ...scripts])
    return this
  }

  /** Scripts the answers to all further requests to this path. A script of `on` goes first. */
  always(path: string, script: Script): this {
    this.#defaults.set(path, script)
    return this
  }

  /** Removes the scripts of `on` and `always` for this path. */
  plain(path: string): this {
    this.#scripts.delete(path)
    this.#defaults.delete(path)
    return this
  }

  hold(gate: string): this {
    this.gates.hold(gate)
    return this
  }

  release(gate: string): this {
    this.gates.release(gate)
    return this
  }

  step(gate: string): this {
    this.gates.step(gate)
    return this
  }

  /** Resolves when this many answers wait at the gate. */
  waiting(gate: string, count = 1): Promise<void> {
    return this.gates.waiting(gate, count)
  }

  /** Resolves with the next request (to this path) that no `next` has returned yet, once its body is complete. */
  next(path: string | null = null): Promise<SeenRequest> {
    const index = this.#unclaimed.findIndex((request) => path === null || request.path === path)
    const [found] = index === -1 ? [] : this.#unclaimed.splice(index, 1)
    if (found !== undefined) return Promise.resolve(found)
    return new Promise((resolve) => this.#pending.push({ path, resolve }))
  }

  /** Resolves when this many worker requests have arrived since the start. */
  async seen(count: number): Promise<readonly SeenRequest[]> {
    while (this.workers.length < count) await new Promise<void>((resolve) => this.#watchers.push(resolve))
    return this.workers
  }

  readonly #watchers: (() => void)[] = []

  /** The worker requests of the log. */
  get workers(): readonly SeenRequest[] {
    return this.log.filter(({ isWorker }) => isWorker)
  }

  requests(path: string): readonly SeenRequest[] {
    return this.log.filter((request) => request.path === path)
  }

  /** Resolves when every suspected overlap has been checked. */
  async settled(): Promise<void> {
    await Promise.all(this.#checks)
  }

  /** Stops reading and answering. Connections stay open, and only the kernel accepts new ones. */
  sleep(): void {
    this.#asleep ??= Promise.withResolvers<void>()
    for (const socket of this.#sockets) socket.pause()
  }

  wake(): void {
    this.#asleep?.resolve()
    this.#asleep = null
    for (const socket of this.#sockets) socket.resume()
  }

  /** Stops listening and drops every connection, as a server that is stopped does. Its models are gone with it. */
  async down(how: 'fin' | 'rst' = 'fin'): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.drop(how)
    this.memory.clear()
    await closed
  }

  /** Drops every connection, and continues to listen. */
  drop(how: 'fin' | 'rst' = 'fin'): void {
    for (const socket of this.#sockets) {
      if (how === 'rst') socket.resetAndDestroy()
      else socket.destroy()
    }
  }

  /** Listens (again, on the same port). */
  async up(): Promise<void> {
    await listenOn(this.#server, this.port)
  }

  async stop(): Promise<void> {
    this.wake()
    this.gates.releaseAll()
    if (this.#server.listening) await this.down()
    await this.#held?.release()
    await this.settled()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #onConnection(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    if (this.#asleep !== null) socket.pause()
    this.#connections++
    new Connection(this.#connections, socket, {
      awake: () => this.#asleep?.promise ?? Promise.resolve(),
      count: () => this.#order++,
      nextId: () => this.#requests++,
      arrived: (request, connection) => this.#answer(request, connection),
    })
  }

  #scriptFor(path: string): Script {
    return this.#scripts.get(path)?.shift() ?? this.#defaults.get(path) ?? {}
  }

  async #answer(request: SeenRequest, connection: Connection): Promise<void> {
    const script = this.#scriptFor(request.path)
    this.log.push(request)
    if (script.early !== true) await Promise.race([request.received, request.over])
    if (request.isOver) throw new Gone()
    this.#tell(request)
    if (script.gate !== undefined) await this.gates.pass(script.gate)
    const writer = new AnswerWriter(request, connection, this.gates, script)
    if (script.raw !== undefined) return writer.writeRaw(script.raw)
    if (script.headless === true) return writer.write(document(200, ''))
    if (script.status !== undefined || script.body !== undefined) {
      return writer.write(document(script.status ?? 200, String(script.body ?? ''), undefined, script.reason))
    }
    const { reply, model } = await this.#reply(request, script)
    try {
      await writer.write(reply)
    } finally {
      if (model !== null) this.memory.leave(model)
    }
  }

  #tell(request: SeenRequest): void {
    request.isWorker = isWorkerPath(request.path) && !isNothingToSay(request, 'unload')
    if (request.isWorker) this.#checkOverlap(request)
    const hope = this.#pending.find(({ path }) => path === null || path === request.path)
    if (hope === undefined) {
      this.#unclaimed.push(request)
    } else {
      this.#pending = this.#pending.filter((other) => other !== hope)
      hope.resolve(request)
    }
    for (const resolve of this.#watchers.splice(0)) resolve()
  }

  /** One request's end and the next one's start arrive on different sockets: wait a few turns to see which was first. */
  #checkOverlap(request: SeenRequest): void {
    const suspects = this.workers.filter((other) => other !== request && !other.isOver)
    for (const other of suspects) {
      const check = async (): Promise<void> => {
        for (let turn = 0; turn < 50 && !other.isOver; turn++) await new Promise<void>((done) => setImmediate(done))
        if (!other.isOver) this.overlaps.push([other.id, request.id])
      }
      this.#checks.push(check())
    }
  }

  /** Ollama's answer to this request. `model`: the model in use until `memory.leave`. */
  async #reply(request: SeenRequest, script: Script): Promise<{ reply: Reply; model: string | null }> {
    const simple = plainReply(request, {
      version: this.#options.version ?? '0.17.4',
      models: this.models,
      ps: this.memory.ps(),
    })
    if (simple !== null) return { reply: simple, model: null }
    const refused = refusal(request, this.models)
    if (refused !== null) return { reply: document(refused.status, refused.body, refused.contentType), model: null }
    const model = modelOf(request, this.models)
    if (isNothingToSay(request, 'unload')) {
      this.memory.unload(model)
      return { reply: this.#document(loadAnswer(model, request.path, 'unload')), model: null }
    }
    const loaded = await this.#load(request, model)
    this.memory.use(model, keepAliveMs(contentOf(request)['keep_alive']))
    return { reply: this.#say(request, script, model, loaded), model }
  }

  #say(request: SeenRequest, script: Script, model: string, loaded: boolean): Reply {
    const { path } = request
    const name = String(contentOf(request)['model'] ?? model)
    const inputs = inputsOf(request)
    if (inputs !== null) return this.#document(embeddingAnswer(path, name, inputs))
    if (isNothingToSay(request, 'load')) return this.#document(loadAnswer(name, path, 'load'))
    const { stream, stream_options: options } = contentOf(request)
    const streams = path.startsWith('/api/') ? stream !== false : stream === true
    const tokens = script.tokens ?? ['Hello', ' world', '!']
    const withUsage = JSON.stringify(options ?? {}).includes('"include_usage":true')
    const answer = answerOf(path, { model: name, tokens, promptTokens: 11, loaded }, streams, withUsage)
    return { ...answer, status: 200, reason: 'OK', isDocument: !streams }
  }

  #document(answer: Answer): Reply {
    return { ...answer, status: 200, reason: 'OK', isDocument: true }
  }

  /** Makes the model resident as Ollama would: waits for models in use, evicts, loads. Returns whether it had to load. */
  async #load(request: SeenRequest, model: string): Promise<boolean> {
    const options = contentOf(request)['options']
    const isObject = typeof options === 'object' && options !== null
    const numCtx = isObject && 'num_ctx' in options && typeof options.num_ctx === 'number' ? options.num_ctx : null
    if (this.memory.isLoaded(model, numCtx)) return false
    await this.gates.pass('load')
    // Ollama discards a load whose caller has gone.
    if (request.isOver) throw new Gone()
    while (!this.memory.isLoaded(model, numCtx) && !this.memory.hasRoomFor(model)) await this.memory.freed()
    if (this.memory.isLoaded(model, numCtx)) return false
    this.memory.load(model, numCtx)
    return true
  }
}
