// `foreman top`: reads the status every second, redraws, and handles keys. It keeps asking a daemon that does not answer.

import { type Command, Option } from 'commander'
import type { ForemanClient, JobSummary } from '../client/index.ts'
import { duration } from '../daemon/text/grammar.ts'
import { AnswerFeed } from './answer-feed.ts'
import { argument, type ConnectionFlags, commandErrorOf, connect, withDaemon } from './connection.ts'
import { CommandError, EXIT } from './exit.ts'
import { CTRL_C, CTRL_Z, listenToKeys } from './keyboard.ts'
import { Screen } from './screen.ts'
import { jsonText } from './terminal.ts'
import { frame, type Top } from './top-frame.ts'

interface TopFlags extends ConnectionFlags {
  readonly interval: number
}

const HELP = `Live view of Ollama, models in memory, the running job with its tokens per second, waiting and finished jobs.
Keys: q quits, p pauses and resumes. When piped, it prints one snapshot and exits.

Examples:
  foreman top
  foreman top --url http://gpu.lan:8080 --interval 5s
  foreman top | head -20
`

export function addTop(program: Command): void {
  withDaemon(program.command('top'), 'print one snapshot as JSON, and exit')
    .summary('watch Ollama, the queue and the running job')
    .addHelpText('before', HELP)
    .addOption(
      new Option('--interval <duration>', 'time between two updates')
        .argParser(argument(duration({ min: 100, max: 3_600_000 })))
        .default(1000, '1s'),
    )
    .action(async (flags: TopFlags) => {
      const client = connect({ ...flags, timeout: Math.max(flags.interval, 5_000) })
      if (flags.json === true) {
        const { status, waiting, finished } = await known(client)
        process.stdout.write(`${jsonText({ status, waiting, finished })}\n`)
      } else if (process.stdout.isTTY && process.env['TERM'] !== 'dumb')
        await new LiveView(client, flags.interval).run()
      else await printOnce(client)
    })
}

/** Jobs requested of each kind, more than fit on a screen. */
const FINISHED = 20
const WAITING = 200

interface Known extends Pick<Top, 'status' | 'waiting' | 'finished'> {
  readonly running: JobSummary | null
}

const NOTHING: Known = { status: null, waiting: [], finished: [], running: null }

async function known(client: ForemanClient, signal?: AbortSignal): Promise<Known> {
  const call = { signal }
  const status = await client.status(call)
  const [queued, ...ends] = await Promise.all([
    // Most of the time nothing waits: save the request.
    status.queue.waiting === 0 ? { jobs: [] } : client.list({ state: 'queued', limit: WAITING, ...call }),
    ...(['done', 'failed', 'cancelled'] as const).map((state) => client.list({ state, limit: FINISHED, ...call })),
  ])
  const id = status.running?.job_id
  const running = id === undefined ? null : await client.get(id, call).catch(() => null)
  return { status, waiting: queued.jobs, finished: ends.flatMap(({ jobs }) => jobs), running }
}

async function printOnce(client: ForemanClient): Promise<void> {
  const { status, waiting, finished, running } = await known(client)
  const top: Top = {
    url: client.url,
    status,
    waiting: waiting.slice(-10),
    finished: finished.slice(0, 10),
    answer: { records: 0, perSecond: null, label: running?.label ?? null },
    trouble: null,
    hasKeys: false,
  }
  const columns = process.stdout.columns || 80
  process.stdout.write(`${frame(top, { columns, rows: Number.POSITIVE_INFINITY }, Date.now()).join('\n')}\n`)
}

class LiveView {
  readonly #client: ForemanClient
  readonly #intervalMs: number
  readonly #screen = new Screen(process.stdout)
  readonly #feed: AnswerFeed
  readonly #leaving = new AbortController()
  readonly #end = Promise.withResolvers<number>()
  #known = NOTHING
  #troubled: { readonly text: string; readonly since: number } | null = null
  #isAsking = false
  #hasKeys = false

  constructor(client: ForemanClient, intervalMs: number) {
    this.#client = client
    this.#intervalMs = intervalMs
    this.#feed = new AnswerFeed(client)
  }

  /** Resolves when the user quits. Rejects if the daemon refuses the first request. */
  async run(): Promise<void> {
    const draw = (): void => this.#draw()
    const quit = { SIGINT: EXIT.interrupted, SIGTERM: 143, SIGHUP: 129 } as const
    const handlers = Object.entries(quit).map(([name, code]) => [name, () => this.#end.resolve(code)] as const)
    for (const [name, handler] of handlers) process.on(name, handler)
    const lost = (): void => this.#end.resolve(EXIT.ok)
    process.stdout.on('resize', draw).on('error', lost)
    this.#screen.open()
    let keyboard = listenToKeys((key) => this.#onKey(key))
    this.#hasKeys = keyboard !== null
    const back = (): void => {
      keyboard ??= listenToKeys((key) => this.#onKey(key))
      this.#screen.open()
      draw()
    }
    this.#suspend = () => {
      keyboard?.close()
      keyboard = null
      this.#screen.close()
      process.once('SIGCONT', back)
      process.kill(process.pid, 'SIGSTOP')
    }
    draw()
    const asking = setInterval(() => void this.#ask(), this.#intervalMs)
    // Ages keep counting while the daemon does not answer.
    const ticking = setInterval(draw, Math.min(this.#intervalMs, 1000))
    void this.#ask()
    try {
      const code = await this.#end.promise
      if (code !== EXIT.ok) throw new CommandError(code, '')
    } finally {
      clearInterval(asking)
      clearInterval(ticking)
      for (const [name, handler] of handlers) process.off(name, handler)
      process.off('SIGCONT', back)
      process.stdout.off('resize', draw).off('error', lost)
      this.#leaving.abort()
      this.#feed.close()
      keyboard?.close()
      this.#screen.close()
    }
  }

  #suspend: () => void = () => undefined

  #onKey(key: string): void {
    if (key === 'q' || key === 'Q') this.#end.resolve(EXIT.ok)
    else if (key === CTRL_C) this.#end.resolve(EXIT.interrupted)
    else if (key === CTRL_Z) this.#suspend()
    else if (key === 'p' || key === 'P') void this.#togglePause()
  }

  async #togglePause(): Promise<void> {
    const status = this.#known.status
    if (status === null) return
    try {
      const call = { signal: this.#leaving.signal }
      await (status.paused ? this.#client.resume(call) : this.#client.pause(call))
    } catch (error) {
      this.#trouble(error)
    }
    await this.#ask()
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      this.#known = await known(this.#client, this.#leaving.signal)
      this.#troubled = null
      this.#feed.follow(this.#known.status?.running?.job_id ?? null)
    } catch (error) {
      this.#trouble(error)
    } finally {
      this.#isAsking = false
      this.#draw()
    }
  }

  /** Keeps trying, since a daemon may be restarting. Ends at once if the first request is refused, as for a wrong token. */
  #trouble(error: unknown): void {
    if (this.#leaving.signal.aborted) return
    const { exitCode, message } = commandErrorOf(error)
    if (exitCode === EXIT.refused && this.#known.status === null) return this.#end.reject(error)
    const [first = ''] = message.replace(/^foreman: /, '').split('\n')
    this.#troubled = { text: first, since: this.#troubled?.since ?? performance.now() }
  }

  #draw(): void {
    const { running, ...seen } = this.#known
    const trouble = this.#troubled
    const top: Top = {
      ...seen,
      url: this.#client.url,
      answer: { ...this.#feed.look(performance.now()), label: running?.label ?? null },
      trouble: trouble && { text: trouble.text, forMs: performance.now() - trouble.since },
      hasKeys: this.#hasKeys,
    }
    this.#screen.draw(frame(top, this.#screen.size, Date.now()))
  }
}
