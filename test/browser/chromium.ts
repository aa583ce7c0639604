// Headless Chromium for tests, with a temporary profile, driven through a pipe by the DevTools protocol. It knows nothing of
// foreman, and reaches only this machine.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { describe } from 'vitest'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const places = (process.env['PATH'] ?? '').split(delimiter)
const FOUND = NAMES.flatMap((name) => places.map((place) => join(place, name))).find((path) => existsSync(path))
const PROGRAM = process.env['FOREMAN_TEST_CHROMIUM'] ?? FOUND

if (PROGRAM === undefined)
  process.stderr.write(
    '\nSKIPPED, NOT PASSED: there is no Chromium; nothing here was tried in a browser.\n' +
      'Debian: apt-get install chromium. Or set FOREMAN_TEST_CHROMIUM to a Chromium or Chrome.\n\n',
  )

/** `describe` for suites that need a browser: skipped if there is none. */
export const describeInBrowser = describe.skipIf(PROGRAM === undefined)

const FLAGS = [
  '--headless=new',
  '--remote-debugging-pipe',
  '--enable-unsafe-extension-debugging',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Every host name resolves to this machine, so pages of foreign sites can be served, and no other machine is contacted.
  '--host-resolver-rules=MAP * 127.0.0.1, EXCLUDE 127.0.0.*',
]

interface Message {
  readonly id?: number
  /** Set for an event, which has no id. */
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly sessionId?: string
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

interface Evaluated {
  readonly result: { readonly value?: unknown }
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } }
}

/** One tab. */
export interface Page {
  /** Loads `url`; resolves when the page has loaded, or was refused. */
  open(url: string): Promise<void>
  /** Evaluates an expression in the page, and awaits promises. Its value must be JSON. */
  evaluate<T>(expression: string): Promise<T>
  close(): Promise<void>
}

export class Chromium {
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #waiting = new Map<number, (message: Message) => void>()
  readonly #listening = new Set<(event: Message) => void>()
  #asked = 0
  #rest = ''

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child
    this.#profile = profile
    const answers = child.stdio[4] as Readable
    answers.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    child.once('exit', () => {
      for (const settle of this.#waiting.values()) settle({ error: { message: 'Chromium has ended' } })
    })
  }

  static async start(): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), 'foreman-chromium-'))
    // Chromium refuses to run its sandbox as root; containers of CI are root.
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    const child = spawn(PROGRAM ?? 'chromium', [...FLAGS, ...sandbox, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    })
    const chromium = new Chromium(child, profile)
    await once(child, 'spawn')
    await chromium.send('Browser.getVersion')
    return chromium
  }

  /** Sends a command of the DevTools protocol, and returns its result. */
  async send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    this.#asked += 1
    const id = this.#asked
    const { promise, resolve } = Promise.withResolvers<Message>()
    this.#waiting.set(id, resolve)
    const asking = this.#child.stdio[3] as Writable
    asking.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`)
    const { result, error } = await promise
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result ?? {}
  }

  async newPage(): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    const ask = (method: string, params: object = {}) => this.send(method, params, String(sessionId))
    const loaded = new Set<unknown>()
    let tell = (): void => undefined
    this.#listening.add(({ method, params, sessionId: whose }) => {
      if (whose !== sessionId || method !== 'Page.lifecycleEvent' || params?.['name'] !== 'load') return
      loaded.add(params['loaderId'])
      tell()
    })
    await ask('Page.enable')
    await ask('Page.setLifecycleEventsEnabled', { enabled: true })
    const evaluate = async <T>(expression: string): Promise<T> => {
      const options = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails: fault } = (await ask('Runtime.evaluate', options)) as unknown as Evaluated
      if (fault !== undefined) throw new Error(fault.exception?.description ?? fault.text)
      return result.value as T
    }
    const open = async (url: string): Promise<void> => {
      const { loaderId } = await ask('Page.navigate', { url })
      // Checking inside the page would sometimes reach the old page. A refused URL has an error page, which loads.
      while (!loaded.has(loaderId)) {
        const { promise, resolve } = Promise.withResolvers<void>()
        tell = resolve
        await promise
      }
    }
    return { open, evaluate, close: async () => void (await this.send('Target.closeTarget', { targetId })) }
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.send('Browser.close').catch(() => undefined)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(timer)
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }

  #hear(text: string): void {
    const messages = (this.#rest + text).split('\0')
    this.#rest = messages.pop() ?? ''
    for (const message of messages.map((json) => JSON.parse(json) as Message)) {
      for (const listen of this.#listening) if (message.method !== undefined) listen(message)
      const settle = this.#waiting.get(message.id ?? -1)
      this.#waiting.delete(message.id ?? -1)
      settle?.(message)
    }
  }
}
