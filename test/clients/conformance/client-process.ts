// Child process that calls servers through a client in another language: orders go in and answers come out as lines of JSON.
// It is kept, because starting one costs seconds. If it ends, every pending order is rejected. It does not judge answers.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ClientResult } from './client-mode.ts'

export interface ClientQuestion {
  readonly way: string
  readonly url: string
  readonly model: string
  readonly prompt?: string
  /** A PNG in base64. */
  readonly image?: string
  readonly headers?: Readonly<Record<string, string>>
  /** How often the client may retry; undefined: its own default. */
  readonly retries?: number
  /** Seconds of its timeout (Python) or of the context's deadline (Go); undefined: its own default. */
  readonly patience?: number
  /** Go: seconds of `http.Client.Timeout`. */
  readonly clientTimeout?: number
  /** Go: seconds of `http.Transport.ResponseHeaderTimeout`. */
  readonly headerTimeout?: number
  /** The program leaves the stream after this many pieces. */
  readonly pieces?: number
}

export interface CancellableCall {
  readonly told: Promise<ClientResult>
  /** Cancels the task or the context of the call. */
  leave(): void
}

/** What a program got from a call: an answer, or class, message and status of an error. */
export interface CallResult {
  readonly answer?: unknown
  readonly type?: string
  readonly message?: string
  readonly status?: number | null
}

interface AnswerLine {
  readonly id: number
  readonly told?: ClientResult
  readonly answers?: Readonly<Record<string, CallResult>>
  readonly seconds?: number | null
}

export interface ClientCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

export class ClientProcess {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, PromiseWithResolvers<AnswerLine>>()
  readonly #ready: Promise<AnswerLine>
  #orders = 0
  #stderr = ''
  #end: Error | null = null

  private constructor({ command, args, env }: ClientCommand) {
    this.#child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#ready = this.#answer(0)
    if (this.#child.stdout === null) throw new Error('the client process has no standard output')
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as AnswerLine
      this.#pending.get(answer.id)?.resolve(answer)
      this.#pending.delete(answer.id)
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000)
    })
    this.#child.stdin?.on('error', () => undefined)
    this.#child.once('error', (error) => this.#over(error.message)).once('close', () => this.#over('it ended'))
  }

  /** Resolves when the client is imported. */
  static async start(command: ClientCommand): Promise<ClientProcess> {
    const started = new ClientProcess(command)
    await started.#ready
    return started
  }

  async tell(question: ClientQuestion): Promise<ClientResult> {
    return toldIn(await this.#order({ do: 'tell', ...question }).answer)
  }

  begin(question: ClientQuestion): CancellableCall {
    const { id, answer } = this.#order({ do: 'begin', ...question })
    return { told: answer.then(toldIn), leave: () => this.#write({ id, do: 'leave' }) }
  }

  async questions(url: string): Promise<Readonly<Record<string, CallResult>>> {
    return (await this.#order({ do: 'questions', url }).answer).answers ?? {}
  }

  /** Seconds of silence that its client accepts by default; null if it has no timeout. */
  async patience(): Promise<number | null> {
    return (await this.#order({ do: 'patience' }).answer).seconds ?? null
  }

  /** Kills it at once. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    if (this.#end !== null) return
    const closed = once(this.#child, 'close')
    this.#child.stdin?.end()
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), 5_000)
    await closed
    clearTimeout(insist)
  }

  #order(order: object): { readonly id: number; readonly answer: Promise<AnswerLine> } {
    this.#orders++
    const id = this.#orders
    const answer = this.#answer(id)
    this.#write({ id, ...order })
    return { id, answer }
  }

  #write(line: object): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`)
  }

  #answer(id: number): Promise<AnswerLine> {
    if (this.#end !== null) return Promise.reject(this.#end)
    const answer = Promise.withResolvers<AnswerLine>()
    this.#pending.set(id, answer)
    return answer.promise
  }

  #over(why: string): void {
    this.#end ??= new Error(`client process: ${why}\n${this.#stderr}`)
    for (const { reject } of this.#pending.values()) reject(this.#end)
    this.#pending.clear()
  }
}

function toldIn({ told }: AnswerLine): ClientResult {
  if (told === undefined) throw new Error('the client process sent no result')
  return told
}
