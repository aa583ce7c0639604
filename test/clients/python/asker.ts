// Owns the Python processes of a test file: one for each client, kept because starting one costs seconds. Orders go in and
// answers come out as lines of JSON; one that ends fails whoever waits for it. It judges nothing.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Told } from '../conformance/way.ts'
import { makePython, type Python } from './environment.ts'

const PROGRAM = join(import.meta.dirname, 'asks.py')

/** The modules of `clients/`. */
export const MODULES = [
  'ollama_py',
  'openai_py',
  'anthropic_py',
  'langchain_py',
  'llama_index_py',
  'litellm_py',
] as const
/** `requests_py` is no client and has no ways of asking; whoever wants it starts it. */
export type Module = (typeof MODULES)[number] | 'requests_py'

export interface Question {
  readonly way: string
  readonly url: string
  readonly model: string
  readonly prompt?: string
  /** A PNG in base64. */
  readonly image?: string
  readonly headers?: Readonly<Record<string, string>>
  /** How often it may ask again; undefined is its own default. */
  readonly retries?: number
  /** Seconds of silence that it bears; undefined is its own default. */
  readonly patience?: number
  /** The program leaves the stream after so many pieces. */
  readonly pieces?: number
}

export interface Leavable {
  readonly told: Promise<Told>
  /** Cancels the task that asks. */
  leave(): void
}

/** What a program got of a question: an answer, or class, message and status of an error. */
export interface Got {
  readonly answer?: unknown
  readonly type?: string
  readonly message?: string
  readonly status?: number | null
}

interface Heard {
  readonly id: number
  readonly told?: Told
  readonly answers?: Readonly<Record<string, Got>>
  readonly seconds?: number | null
}

export class Asker {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<Heard>>()
  readonly #ready: Promise<Heard>
  #orders = 0
  #noise = ''
  #end: Error | null = null

  private constructor({ command, env }: Python, module: Module) {
    this.#child = spawn(command, [PROGRAM, module], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#ready = this.#hear(0)
    if (this.#child.stdout === null) throw new Error('no standard output')
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const heard = JSON.parse(line) as Heard
      this.#waiting.get(heard.id)?.resolve(heard)
      this.#waiting.delete(heard.id)
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#noise = (this.#noise + text).slice(-4000)
    })
    this.#child.stdin?.on('error', () => undefined)
    this.#child.once('error', (error) => this.#over(error.message)).once('close', () => this.#over('it ended'))
  }

  /** Resolves when its client is imported. */
  static async start(python: Python, module: Module): Promise<Asker> {
    const asker = new Asker(python, module)
    await asker.#ready
    return asker
  }

  async tell(question: Question): Promise<Told> {
    return toldIn(await this.#order({ do: 'tell', ...question }).heard)
  }

  begin(question: Question): Leavable {
    const { id, heard } = this.#order({ do: 'begin', ...question })
    return { told: heard.then(toldIn), leave: () => this.#write({ id, do: 'leave' }) }
  }

  async questions(url: string): Promise<Readonly<Record<string, Got>>> {
    return (await this.#order({ do: 'questions', url }).heard).answers ?? {}
  }

  /** Seconds of silence that its client bears by default; null: for ever. */
  async patience(): Promise<number | null> {
    return (await this.#order({ do: 'patience' }).heard).seconds ?? null
  }

  /** As a power cut would. */
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

  #order(order: object): { readonly id: number; readonly heard: Promise<Heard> } {
    this.#orders++
    const id = this.#orders
    const heard = this.#hear(id)
    this.#write({ id, ...order })
    return { id, heard }
  }

  #write(line: object): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`)
  }

  #hear(id: number): Promise<Heard> {
    if (this.#end !== null) return Promise.reject(this.#end)
    const heard = Promise.withResolvers<Heard>()
    this.#waiting.set(id, heard)
    return heard.promise
  }

  #over(why: string): void {
    this.#end ??= new Error(`Python: ${why}\n${this.#noise}`)
    for (const { reject } of this.#waiting.values()) reject(this.#end)
    this.#waiting.clear()
  }
}

function toldIn({ told }: Heard): Told {
  if (told === undefined) throw new Error('Python told nothing')
  return told
}

const askers = new Map<Module, Asker>()

export async function startAskers(): Promise<void> {
  const python = await makePython()
  await Promise.all(MODULES.map(async (module) => void askers.set(module, await Asker.start(python, module))))
}

export async function stopAskers(): Promise<void> {
  await Promise.all([...askers.values()].map((asker) => asker.stop()))
  askers.clear()
}

export function askerOf(module: Module): Asker {
  const asker = askers.get(module)
  if (asker === undefined) throw new Error(`${module} was not started`)
  return asker
}
