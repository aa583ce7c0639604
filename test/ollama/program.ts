// Programs that this suite starts, each in its own process group, so that ending one also ends its children. Output is kept and can be
// waited for.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Program {
  readonly process: ChildProcess
  /** Its output so far, standard output and standard error together. */
  readonly said: string
  /** The same, separately. */
  readonly printed: { readonly out: string; readonly error: string }
  /** Resolves with the first match in the past or future output. Rejects if the program ends first. */
  says(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray>
  /** Resolves with its exit code once it has ended and its output was read; null if a signal ended it. */
  readonly ended: Promise<number | null>
  /** Sends SIGTERM, and later SIGKILL. */
  stop(): Promise<void>
  /** Sends SIGKILL to the whole group. */
  kill(): Promise<void>
}

/** Starts `command` in a new process group with exactly `env` as its environment. */
export function startProgram(
  command: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Program {
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'close')
  const ended = exited.then(([code]) => (typeof code === 'number' ? code : null))
  let said = ''
  const printed = { out: '', error: '' }
  let over = false
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const listener of listeners) listener()
  }
  const hear = (text: string) => {
    said += text
    tell()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.out += text
    hear(text)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed.error += text
    hear(text)
  })
  child.once('error', (error) => hear(`${error}\n`))
  child.once('close', () => {
    over = true
    tell()
  })

  function says(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(notSaid(`within ${deadlineMs} ms`))), deadlineMs)
      const settle = (how: () => void) => {
        clearTimeout(timer)
        listeners.delete(look)
        how()
      }
      const notSaid = (why: string) =>
        new Error(`${command} did not say ${pattern} ${why}; it said:\n${said.slice(-4000)}`)
      const look = () => {
        const match = pattern.exec(said)
        if (match !== null) settle(() => resolve(match))
        else if (over) settle(() => reject(notSaid('before it ended')))
      }
      listeners.add(look)
      look()
    })
  }

  function signalGroup(signal: NodeJS.Signals): void {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, signal)
    } catch (error) {
      // ESRCH: no process of the group is left.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }

  async function kill(): Promise<void> {
    signalGroup('SIGKILL')
    if (!over) await exited
  }

  async function stop(): Promise<void> {
    if (!over && child.pid !== undefined) {
      child.kill('SIGTERM')
      const insist = setTimeout(() => signalGroup('SIGKILL'), 15_000)
      await exited
      clearTimeout(insist)
    }
    // A child that outlives its parent holds ports and memory.
    signalGroup('SIGKILL')
  }

  return {
    process: child,
    get said() {
      return said
    },
    printed,
    says,
    ended,
    stop,
    kill,
  }
}

/** The environment without the variables with which this machine's user configures programs. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(FOREMAN|OLLAMA|VITEST|NODE_OPTIONS)/.test(name))
  return { ...Object.fromEntries(kept), ...more }
}
