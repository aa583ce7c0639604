// Recorded run: the real daemon under load with write-recorder.c preloaded, and what its clients and receiver knew at each
// point of the write log.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { WebhookPayload } from '../../src/protocol/webhook.ts'
import type { JobDocument, ReceiptDocument } from '../../src/protocol/wire.ts'
import { sendRequest } from '../proof/http-request.ts'
import type { MutantName } from '../proof/mutants.ts'
import { SeededRandom } from '../proof/seeded-random.ts'
import { jobBodyOf, workOf } from '../proof/work.ts'
import { SoakTarget } from '../soak/target.ts'
import { DiskModel, type Image } from './disk-model.ts'
import { compileRecorder, readWriteLog, sizeOf, type WriteRecord } from './write-log.ts'

/** All of it was known when the log had the size `at`. */
export type Fact =
  | {
      readonly kind: 'accepted'
      readonly at: number
      readonly jobId: string
      readonly key: string | null
      readonly hash: string
    }
  /** `finishedAt`: wall ms. */
  | {
      readonly kind: 'ended'
      readonly at: number
      readonly jobId: string
      readonly state: string
      readonly finishedAt: number
    }
  /** The job may be gone from here on: a client has asked for it, or did not read its end before it was pruned. */
  | { readonly kind: 'may_be_gone'; readonly at: number; readonly jobId: string }
  | { readonly kind: 'deleted'; readonly at: number; readonly jobId: string }
  /** The receiver got the webhook of change `n`. */
  | { readonly kind: 'told'; readonly at: number; readonly jobId: string; readonly n: number }

export interface Recording {
  readonly records: readonly WriteRecord[]
  readonly facts: readonly Fact[]
  readonly ttlMs: number
}

export interface RecordingOptions {
  readonly folder: string
  readonly seed: number
  /** Async jobs in each of the two lives of the daemon. */
  readonly jobs: number
  readonly mutant?: MutantName
}

const LIVES = 2
const SUBMITTERS = 4
const CALLERS = 2
const TTL_MS = 4_000
const MAX_PROMPT_BYTES = 60_000
const START_TRIES = 1_200
const POLL_MS = 20
const MAX_POLLS = 3_000
const MAX_STOPS = 200

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Returns null where the recorder cannot be compiled. */
export async function record(options: RecordingOptions): Promise<Recording | null> {
  const folder = await realpath(options.folder)
  const library = compileRecorder(folder)
  return library === null ? null : new Recorder(folder, library, options).run()
}

class Recorder {
  readonly #database: string
  readonly #log: string
  readonly #folder: string
  readonly #library: string
  readonly #options: RecordingOptions
  readonly #random: SeededRandom
  readonly #target = new SoakTarget(0)
  readonly #facts: Fact[] = []
  #base = ''
  #receiver = ''

  constructor(folder: string, library: string, options: RecordingOptions) {
    this.#folder = folder
    this.#library = library
    this.#options = options
    this.#database = join(folder, 'foreman.db')
    this.#log = join(folder, 'writes.log')
    this.#random = new SeededRandom(options.seed)
  }

  async run(): Promise<Recording> {
    const target = await this.#target.start()
    const receiver = http.createServer((req, res) => void this.#receive(req, res))
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    this.#receiver = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
    try {
      for (let daemon = 1; daemon <= LIVES; daemon++) await this.#live(target, daemon === LIVES)
    } finally {
      await this.#target.close()
      receiver.closeAllConnections()
      receiver.close()
    }
    return { records: readWriteLog(this.#log), facts: this.#facts, ttlMs: TTL_MS }
  }

  get #at(): number {
    return sizeOf(this.#log)
  }

  /** The last daemon is stopped in the middle of its work, so that the log can be compared with the files. */
  async #live(target: string, isLast: boolean): Promise<void> {
    const from = sizeOf(this.#daemonLog)
    const daemon = this.#start(target)
    try {
      this.#base = await this.#listening(daemon, from)
      const { jobs } = this.#options
      const over = new AbortController()
      const callers = Array.from({ length: CALLERS }, (_, n) => this.#call(`caller-${n}`, over.signal))
      const each = Math.ceil(jobs / SUBMITTERS)
      const chances = Array.from({ length: SUBMITTERS }, () => this.#random.fork())
      await Promise.all(chances.map((random, n) => this.#submitAll(`${isLast ? 'b' : 'a'}${n}`, each, random)))
      over.abort()
      await Promise.all(callers)
      if (isLast) await this.#compare(daemon)
      else daemon.kill('SIGTERM')
    } finally {
      if (isLast) daemon.kill('SIGKILL')
      if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit')
    }
  }

  #start(target: string): ChildProcess {
    const { mutant } = this.#options
    const log = openSync(this.#daemonLog, 'a')
    const hooks = mutant === undefined ? [] : ['--import', join(import.meta.dirname, '../proof/apply-mutant.ts')]
    const daemon = fork(join(import.meta.dirname, '../../src/cli/main.ts'), ['serve'], {
      cwd: this.#folder,
      execArgv: hooks,
      env: {
        ...{ LD_PRELOAD: this.#library, FOREMAN_RECORD_DB: this.#database, FOREMAN_RECORD_LOG: this.#log },
        ...(mutant === undefined ? {} : { FOREMAN_PROOF_MUTANT: mutant }),
        ...{ FOREMAN_OLLAMA_URL: target, FOREMAN_ADDR: '127.0.0.1:0', FOREMAN_DB: this.#database },
        ...{ FOREMAN_JOB_TTL: `${TTL_MS / 1000}s`, FOREMAN_MIN_FREE: '0', FOREMAN_KEEP_ALIVE: 'none' },
        ...{ FOREMAN_LOG_FORMAT: 'json' },
      },
      stdio: ['ignore', log, log, 'ipc'],
    })
    closeSync(log)
    return daemon
  }

  get #daemonLog(): string {
    return join(this.#folder, 'daemon.log')
  }

  /** Returns the URL at which the daemon listens, from its log after byte `from`. */
  async #listening(daemon: ChildProcess, from: number): Promise<string> {
    const said = (): string => readFileSync(this.#daemonLog).toString('utf8', from)
    for (let tries = 0; tries < START_TRIES && daemon.exitCode === null; tries++) {
      const [, url] = /"url":"([^"]+)"[^\n]*"foreman is listening"/.exec(said()) ?? []
      if (url !== undefined) return url
      await pause(POLL_MS)
    }
    throw new Error(`the daemon does not start: ${said().slice(-2_000)}`)
  }

  /** Waiting calls: their rows are committed without a sync, between rows that are synced. */
  async #call(name: string, signal: AbortSignal): Promise<void> {
    for (let n = 0; !signal.aborted; n++) {
      const { endpoint, body } = workOf({ ref: `${name}-${n}` })
      await sendRequest(this.#base, { method: 'POST', path: endpoint, body })
    }
  }

  async #submitAll(name: string, count: number, random: SeededRandom): Promise<void> {
    const ends: Promise<void>[] = []
    for (let n = 0; n < count; n++) {
      const jobId = await this.#submit(`${name}-${n}`, random)
      if (random.happens(0.1)) await this.#cancel(jobId)
      ends.push(this.#follow(jobId, random.happens(0.1)))
      await pause(random.integer(0, 30))
    }
    await Promise.all(ends)
  }

  async #submit(ref: string, random: SeededRandom): Promise<string> {
    const key = random.happens(0.5) ? `key-${ref}` : null
    const receiver = random.happens(0.7) ? `${this.#receiver}${ref}` : null
    const prompt = 'x'.repeat(random.skewed(10, MAX_PROMPT_BYTES))
    const work = workOf({ ref, key, receiver, prompt, model: random.pick(['tiny-a', 'tiny-b']) })
    const headers = key === null ? {} : { 'Idempotency-Key': key }
    const answered = await sendRequest(this.#base, { method: 'POST', path: '/jobs', headers, body: jobBodyOf(work) })
    if (answered.kind !== 'answered' || answered.status !== 202)
      throw new Error(`a submit: ${JSON.stringify(answered)}`)
    const { job_id: jobId } = JSON.parse(answered.body) as ReceiptDocument
    this.#facts.push({ kind: 'accepted', at: this.#at, jobId, key, hash: work.hash })
    return jobId
  }

  async #cancel(jobId: string): Promise<void> {
    const answered = await sendRequest(this.#base, { method: 'POST', path: `/jobs/${jobId}/cancel` })
    if (answered.kind === 'answered' && answered.status === 200) this.#noteEnd(JSON.parse(answered.body) as JobDocument)
  }

  /** Polls the job until it has ended. `isDeleted`: deletes it then. */
  async #follow(jobId: string, isDeleted: boolean): Promise<void> {
    for (let polls = 0; polls < MAX_POLLS; polls++) {
      const before = this.#at
      const answered = await sendRequest(this.#base, { path: `/jobs/${jobId}` })
      if (answered.kind === 'answered' && answered.status === 404) {
        this.#facts.push({ kind: 'may_be_gone', at: before, jobId })
        return
      }
      const isRead = answered.kind === 'answered' && answered.status === 200 && answered.ending === 'whole'
      if (isRead && this.#noteEnd(JSON.parse(answered.body) as JobDocument)) break
      await pause(POLL_MS)
    }
    if (!isDeleted) return
    this.#facts.push({ kind: 'may_be_gone', at: this.#at, jobId })
    const answered = await sendRequest(this.#base, { method: 'DELETE', path: `/jobs/${jobId}` })
    if (answered.kind === 'answered' && answered.status < 300)
      this.#facts.push({ kind: 'deleted', at: this.#at, jobId })
  }

  #noteEnd({ job_id: jobId, state, finished_at: finishedAt }: JobDocument): boolean {
    if (finishedAt === null) return false
    this.#facts.push({ kind: 'ended', at: this.#at, jobId, state, finishedAt: Date.parse(finishedAt) })
    return true
  }

  async #receive(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of req) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    const { job_id: jobId, sequence: n } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as WebhookPayload
    this.#facts.push({ kind: 'told', at: this.#at, jobId, n })
    res.writeHead(this.#random.happens(0.1) ? 503 : 204).end()
  }

  /** Throws unless the log reproduces the files. The daemon is halted meanwhile. */
  async #compare(daemon: ChildProcess): Promise<void> {
    let difference: string | null = null
    for (let stops = 0; stops < MAX_STOPS; stops++) {
      daemon.kill('SIGSTOP')
      // If it was halted between a write and its record, they differ: let it continue briefly.
      await pause(POLL_MS)
      const model = new DiskModel()
      for (const one of readWriteLog(this.#log)) model.take(one)
      difference = this.#differenceTo(model.whole())
      if (difference === null) return
      daemon.kill('SIGCONT')
      await pause(POLL_MS)
    }
    throw new Error(`the write log does not make the files as they are: ${difference}`)
  }

  #differenceTo({ database, wal }: Image): string | null {
    const files = [
      ['database', database, this.#database],
      ['wal', wal, `${this.#database}-wal`],
    ] as const
    for (const [name, content, path] of files) {
      const there = readFileSync(path)
      if (content === null || Buffer.compare(there, content) !== 0) {
        return `${name}: ${content?.length ?? 'no'} bytes, the file has ${there.length}`
      }
    }
    return null
  }
}
